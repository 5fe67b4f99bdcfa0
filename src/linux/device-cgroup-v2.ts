import { closeSync, constants, openSync } from "node:fs";
import { basename, dirname } from "node:path";
import { BerthError, errnoCode, messageOf, undoable, type Undo } from "../base/index.ts";
import {
  attachDeviceProgram,
  queryDevicePrograms,
  readProgram,
  useNewProgram,
  useProgram,
  type KernelProgram,
} from "./bpf.ts";
import {
  accessRefusal,
  deviceKey,
  type DeviceCgroup,
  type DeviceChange,
  type DeviceNumber,
  type Verdict,
} from "./device-change.ts";
import { isReloadable, type Instruction } from "./device-instruction.ts";
import { judgeDevice } from "./device-interpreter.ts";
import { isSameProgram, withRules } from "./device-program.ts";

/** What the device programs of a cgroup of version 2 and of those above it answer together. Throws what the kernel answers. */
export function judgeDeviceV2({ folder }: DeviceCgroup, device: DeviceNumber): Verdict {
  return useFolder(folder, (fd) => judgeAll(readPrograms(queryDevicePrograms(fd, "effective").ids), device));
}

/** `setDeviceAccess` in a cgroup of version 2: exchanges its own device programs, each in one step. */
export function setDeviceAccessV2(cgroup: DeviceCgroup, changes: readonly DeviceChange[]): Undo {
  return undoable((undo) => {
    inRefusal(cgroup, changes, () => {
      useFolder(cgroup.folder, (fd) => {
        change({ cgroup, changes, fd }, undo);
      });
    });
  });
}

interface Task {
  readonly cgroup: DeviceCgroup;
  readonly changes: readonly DeviceChange[];
  /** Of the cgroup's folder. */
  readonly fd: number;
}

function change(task: Task, undo: Undo[]): void {
  const { cgroup, changes, fd } = task;
  const { ids, flags } = queryDevicePrograms(fd);
  const others = without(queryDevicePrograms(fd, "effective").ids, ids);
  checkOthers(task, readPrograms(others));
  if (ids.length === 0) checkWithoutPrograms(task, readPrograms(others));
  const programs = readPrograms(ids);
  const wished = withRules(programs.map(instructionsOf), changes);
  for (const [index, program] of programs.entries()) {
    const [before, after] = [instructionsOf(program), wished[index] ?? []];
    if (isSameProgram(before, after)) continue;
    checkReloadable(task, program);
    const exchanged = exchange(task, { ...program, flags }, after);
    undo.push(() => {
      exchangeBack(cgroup, changes, { exchanged: { ...exchanged, flags }, before });
    });
  }
}

/** What is left when each of `taken` is taken away once. */
function without(all: readonly number[], taken: readonly number[]): readonly number[] {
  const left = [...all];
  for (const id of taken) if (left.includes(id)) left.splice(left.indexOf(id), 1);
  return left;
}

function readPrograms(ids: readonly number[]): readonly KernelProgram[] {
  return ids.map((id) => useProgram(id, readProgram));
}

function instructionsOf({ instructions = [] }: KernelProgram): readonly Instruction[] {
  return instructions;
}

/** All of them have to allow. */
function judgeAll(programs: readonly KernelProgram[], device: DeviceNumber): Verdict {
  const verdicts = programs.map((program) => judgeDevice(instructionsOf(program), device));
  const decisive = (["denied", "partly", "unknown"] as const).find((verdict) => verdicts.includes(verdict));
  return decisive ?? "allowed";
}

/** A program of a cgroup above is not ours to change: that would open the device to all that is in it. */
function checkOthers({ cgroup, changes }: Task, others: readonly KernelProgram[]): void {
  for (const wish of changes) {
    const denying = others.find((program) => wish.isAllowed && isDenied(judgeAll([program], wish)));
    if (denying === undefined) continue;
    const owner = folderOf(denying.id, cgroup);
    const where = owner === undefined ? `a cgroup above "${cgroup.mountPoint}"` : `"${owner}" above it`;
    const why = `the device program of ${where} forbids it to everything in there`;
    throw accessRefusal({ folder: cgroup.folder, changes: [wish], why, remedy: allowAbove(owner, wish) });
  }
}

function isDenied(verdict: Verdict): boolean {
  return verdict === "denied" || verdict === "partly";
}

/** Which folder above the container's has this program attached. */
function folderOf(id: number, { folder, mountPoint }: DeviceCgroup): string | undefined {
  for (let above = folder; above !== mountPoint && above !== "/";) {
    above = dirname(above);
    if (useFolder(above, (fd) => queryDevicePrograms(fd).ids).includes(id)) return above;
  }
  return undefined;
}

/** systemd.resource-control(5), DeviceAllow=: a node that need not be there names a device by its numbers. */
function allowAbove(folder: string | undefined, device: DeviceNumber): string {
  const unit = basename(folder ?? "");
  if (/\.(slice|scope|service)$/.test(unit))
    return `systemctl set-property ${unit} "DeviceAllow=/dev/char/${deviceKey(device)} rw"`;
  return "allow the device there, too, or start the container in another cgroup";
}

/** Without a program of its own, nothing but what lies above forbids a device. */
function checkWithoutPrograms({ cgroup, changes }: Task, others: readonly KernelProgram[]): void {
  const open = changes.filter((wish) => !wish.isAllowed && judgeAll(others, wish) !== "denied");
  if (open.length === 0) return;
  const why = "no device program is attached to it, so that every device is open";
  const remedy = "start the container with device permissions, that is without --privileged";
  throw accessRefusal({ folder: cgroup.folder, changes: open, why, remedy });
}

function checkReloadable({ cgroup, changes }: Task, { id, instructions }: KernelProgram): void {
  if (instructions !== undefined && isReloadable(instructions)) return;
  const why =
    instructions === undefined
      ? `the kernel hides the instructions of its device program ${id}`
      : `its device program ${id} uses maps, helper calls or hidden constants, and cannot be loaded again from what the kernel shows of it`;
  const remedy =
    "give the device to the container when it is created; look at the program with: bpftool prog dump xlated";
  throw accessRefusal({ folder: cgroup.folder, changes, why, remedy: `${remedy} id ${id}` });
}

interface AttachedProgram extends KernelProgram {
  readonly flags: number;
}

/** Puts other instructions in the place of an attached program, and gives back the program that is attached then. */
function exchange(
  { cgroup, changes, fd }: Task,
  old: AttachedProgram,
  instructions: readonly Instruction[],
): KernelProgram {
  try {
    return useProgram(old.id, (replaced) =>
      useNewProgram(old.name, instructions, (program) => {
        const loaded = readProgram(program);
        attachDeviceProgram(fd, program, { flags: old.flags, replaced });
        return loaded;
      }),
    );
  } catch (cause) {
    if (errnoCode(cause) !== "ENOENT") throw cause;
    const why = `its device program ${old.id} was exchanged by somebody else at the same time, or is held by a BPF link`;
    throw accessRefusal({ folder: cgroup.folder, changes, why, remedy: "try it again", cause });
  }
}

interface Exchange {
  readonly exchanged: AttachedProgram;
  readonly before: readonly Instruction[];
}

/** Nothing is left to undo when the container has ended. */
function exchangeBack(cgroup: DeviceCgroup, changes: readonly DeviceChange[], { exchanged, before }: Exchange): void {
  const back = changes.map((wish) => ({ ...wish, isAllowed: !wish.isAllowed }));
  inRefusal(cgroup, back, () => {
    const task = { cgroup, changes: back };
    try {
      useFolder(cgroup.folder, (fd) => exchange({ ...task, fd }, exchanged, before));
    } catch (error) {
      if (errnoCode(error) !== "ENOENT") throw error;
    }
  });
}

function useFolder<T>(folder: string, use: (fd: number) => T): T {
  const fd = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    return use(fd);
  } finally {
    closeSync(fd);
  }
}

/** Whatever `work` throws becomes a BERTH-K002. */
function inRefusal(cgroup: DeviceCgroup, changes: readonly DeviceChange[], work: () => void): void {
  try {
    work();
  } catch (cause) {
    if (cause instanceof BerthError) throw cause;
    const why = messageOf(cause);
    const remedy =
      "run it as root with CAP_BPF, CAP_NET_ADMIN and CAP_SYS_ADMIN, on a kernel with CONFIG_CGROUP_BPF (Linux 5.6)";
    throw accessRefusal({ folder: cgroup.folder, changes, why, remedy, cause });
  }
}
