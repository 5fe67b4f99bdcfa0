import { closeSync, constants, mkdirSync, openSync, rmdirSync, writeSync } from "node:fs";
import { BerthError, errnoCode, messageOf, temporaryName, undoable, type Undo } from "../base/index.ts";
import {
  accessRefusal,
  deviceKey,
  wishOf,
  type DeviceCgroup,
  type DeviceChange,
  type DeviceNumber,
  type Verdict,
} from "./device-change.ts";
import { readText } from "./proc.ts";

const MAX_LIST_BYTES = 4 * 1024 * 1024;
const ACCESSES = ["r", "w"] as const;
type Access = (typeof ACCESSES)[number];

/** What a cgroup of version 1 says of one device. */
interface Permission {
  readonly verdict: Verdict;
  /** What the rule for exactly this device gives, wildcards aside: what is to be there again after an undo. */
  readonly exact: readonly Access[];
}

/** What a cgroup of version 1 answers for a device. Throws what the file calls throw. */
export function judgeDeviceV1({ folder }: DeviceCgroup, device: DeviceNumber): Verdict {
  return readPermission(folder, device).verdict;
}

/** `setDeviceAccess` in a cgroup of version 1. */
export function setDeviceAccessV1({ folder }: DeviceCgroup, changes: readonly DeviceChange[]): Undo {
  return undoable((undo) => {
    for (const change of changes) setOne(folder, change, undo);
  });
}

function setOne(folder: string, change: DeviceChange, undo: Undo[]): void {
  const { verdict, exact } = inRefusal(folder, change, () => readPermission(folder, change));
  if (verdict === wishOf(change)) return;
  const back = { ...change, isAllowed: !change.isAllowed };
  // Of a denial, what was given comes back; of an allowance, what was not given goes.
  const accesses = ACCESSES.filter((access) => exact.includes(access) === back.isAllowed);
  undo.push(() => {
    if (accesses.length > 0) inRefusal(folder, back, () => writeUndo(folder, back, accesses));
  });
  const after = inRefusal(folder, change, () => {
    writeRule(folder, change, ACCESSES);
    return readPermission(folder, change).verdict;
  });
  if (after !== wishOf(change)) throw withoutEffect(folder, change);
}

/** Nothing is left to undo when the container has ended. */
function writeUndo(folder: string, back: DeviceChange, accesses: readonly Access[]): void {
  try {
    writeRule(folder, back, accesses);
  } catch (error) {
    if (errnoCode(error) !== "ENOENT" && errnoCode(error) !== "ENODEV") throw error;
  }
}

function writeRule(folder: string, { isAllowed, ...device }: DeviceChange, accesses: readonly Access[]): void {
  const file = `${folder}/${isAllowed ? "devices.allow" : "devices.deny"}`;
  const fd = openSync(file, constants.O_WRONLY);
  try {
    writeSync(fd, `c ${deviceKey(device)} ${accesses.join("")}`);
  } finally {
    closeSync(fd);
  }
}

function readPermission(folder: string, device: DeviceNumber): Permission {
  const list = readText(`${folder}/devices.list`, MAX_LIST_BYTES);
  if (list === undefined) throw new RangeError("the cgroup is gone: its container has ended");
  return judgeList(list, device) ?? probePermission(folder, device);
}

/**
 * What devices.list says of a character device; undefined for a cgroup that allows all but some exceptions, which the list does not show (kernel: security/device_cgroup.c). An
 * access needs one rule that gives all of it: a rule for reading and one for writing do not allow both at once.
 */
export function judgeList(list: string, device: DeviceNumber): Permission | undefined {
  const rules = list.split("\n").flatMap((line) => {
    const [, type = "", major = "", minor = "", access = ""] = /^([abc]) (\d+|\*):(\d+|\*) ([rwm]+)$/.exec(line) ?? [];
    return type === "" ? [] : [{ type, major, minor, access }];
  });
  if (rules.some(({ type }) => type === "a")) return undefined;
  const [major, minor] = [String(device.major), String(device.minor)];
  const matching = rules.filter((rule) => {
    return rule.type === "c" && ["*", major].includes(rule.major) && ["*", minor].includes(rule.minor);
  });
  const exact = matching.find((rule) => rule.major === major && rule.minor === minor)?.access ?? "";
  const given = [["r"], ["w"], ACCESSES].map((wanted) => {
    return matching.some(({ access }) => wanted.every((letter) => access.includes(letter)));
  });
  return { verdict: verdictOf(given), exact: ACCESSES.filter((access) => exact.includes(access)) };
}

function verdictOf(given: readonly boolean[]): Verdict {
  if (given.every(Boolean)) return "allowed";
  return given.some(Boolean) ? "partly" : "denied";
}

/**
 * Asks for the exceptions that devices.list does not show: a new cgroup below has them all, and the kernel refuses it to give up one that the cgroup above has, too
 * (parent_allows_removal in security/device_cgroup.c). Nothing runs in it, and nothing changes for the container.
 */
function probePermission(folder: string, device: DeviceNumber): Permission {
  const probe = `${folder}/${temporaryName("berth-probe-")}`;
  mkdirSync(probe);
  try {
    const exact = ACCESSES.filter((access) => isRemovable(probe, device, access));
    return { verdict: verdictOf(ACCESSES.map((access) => exact.includes(access))), exact };
  } finally {
    rmdirSync(probe);
  }
}

function isRemovable(probe: string, device: DeviceNumber, access: Access): boolean {
  try {
    writeRule(probe, { ...device, isAllowed: true }, [access]);
    return true;
  } catch (error) {
    if (errnoCode(error) === "EPERM") return false;
    throw error;
  }
}

function withoutEffect(folder: string, change: DeviceChange): BerthError {
  const why = change.isAllowed
    ? "the kernel took the rule, and the device is forbidden all the same"
    : "a rule for a whole group of devices allows it all the same";
  const remedy = `look at the rules with: cat ${folder}/devices.list`;
  return accessRefusal({ folder, changes: [change], why, remedy });
}

/** Whatever `work` throws becomes a BERTH-K002. EPERM: a cgroup above does not give what is to be given below it. */
function inRefusal<T>(folder: string, change: DeviceChange, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (cause instanceof BerthError && cause.code === "BERTH-K002") throw cause;
    const isAbove = errnoCode(cause) === "EPERM" && change.isAllowed;
    const above = "a cgroup above it does not allow the device, or CAP_SYS_ADMIN is missing (EPERM)";
    const why = isAbove ? above : messageOf(cause);
    const rule = `c ${deviceKey(change)} rw`;
    const remedy = isAbove
      ? `allow it in each cgroup above first: echo "${rule}" >devices.allow; for a systemd unit: DeviceAllow=`
      : "run it as root, where the cgroups are mounted for writing";
    throw accessRefusal({ folder, changes: [change], why, remedy, cause });
  }
}
