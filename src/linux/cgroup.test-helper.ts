import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Leaves no cgroup behind, however the script ends; what it started is gone by then. */
const RUN = `mkdir "$1"; code=0; "$2" "$3" "$1" || code=$?; find "$1" -depth -type d -exec rmdir {} +; exit $code`;
const WITH_CGROUP2 = `umount -R /sys/fs/cgroup; mount -t cgroup2 cgroup2 /sys/fs/cgroup; ${RUN}`;

const PRELUDE = `
import { closeSync, constants, mkdirSync, openSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { findDeviceCgroup, isDeviceAllowed, setDeviceAccess, syscall } from "INDEX";
import { attachDeviceProgram, queryDevicePrograms, readProgram, useNewProgram, useProgram } from "BPF";
import { answer, compileFilter, instruction } from "HELPER";
const top = process.argv[2];
const enter = (folder) => writeFileSync(folder + "/cgroup.procs", String(process.pid));
/** "open", or why not. */
const tryOpen = (path, flags = "r+") => { try { closeSync(openSync(path, flags)); return "open"; } catch (error) { return error.code; } };
/** What a refusal says, "" when there is none. */
const refusalOf = (call) => { try { call(); return ""; } catch (error) { return error.code + ": " + error.message + "; " + error.remedy; } };
/** Makes a node like /dev/full: "made", or why not. */
const tryMakeNode = () => {
  const path = process.argv[1] + ".node";
  try { syscall(path, "mknodat", -100, path, 0o020600, (1 << 8) | 7); } catch (error) { return error.code; }
  rmSync(path);
  return "made";
};
const full = { major: 1, minor: 7 };
const zero = { major: 1, minor: 5 };
const allow = (...devices) => devices.map((device) => ({ ...device, isAllowed: true }));
const deny = (...devices) => devices.map((device) => ({ ...device, isAllowed: false }));
/** /dev/null only, and all nodes can be made. */
const rules = [
  { type: "c", major: 1, minor: 3, access: "rwm", isAllowed: true },
  { type: "c", access: "m", isAllowed: true },
  { type: "b", access: "m", isAllowed: true },
];
const attach = (folder, instructions, flags) => {
  const fd = openSync(folder, "r");
  useNewProgram("test", instructions, (program) => attachDeviceProgram(fd, program, { flags }));
  closeSync(fd);
};
/** Number, name and instructions of what is attached. */
const attached = (folder) => {
  const fd = openSync(folder, "r");
  const programs = queryDevicePrograms(fd).ids.map((id) => useProgram(id, readProgram));
  closeSync(fd);
  return programs;
};
const instructionsOf = (folder) => attached(folder).map(({ instructions }) => JSON.stringify(instructions));
const idsOf = (folder) => attached(folder).map(({ id }) => id);
const isSame = (left, right) => JSON.stringify(left) === JSON.stringify(right);
`;

/**
 * Runs JavaScript in a child that has a new, empty cgroup folder `top`, which it can `enter`, and gives back what it returns. Version 2: in a mount namespace that shows cgroups
 * of this version only, where `top` lies in the root; version 1: below the folder `parent`.
 */
export function inCgroup(parent: string | undefined, body: string): unknown {
  const work = mkdtempSync(join(tmpdir(), "berth-cgroup-"));
  try {
    const file = join(work, "script.ts");
    const prelude = PRELUDE.replace("INDEX", join(import.meta.dir, "index.ts"))
      .replace("BPF", join(import.meta.dir, "bpf.ts"))
      .replace("HELPER", join(import.meta.dir, "device-program.test-helper.ts"));
    writeFileSync(file, `${prelude}\nconsole.log(JSON.stringify((() => { ${body} })()));`);
    const name = work.slice(work.lastIndexOf("/") + 1);
    const namespace = parent === undefined ? ["unshare", "--mount"] : [];
    const script = parent === undefined ? WITH_CGROUP2 : RUN;
    const top = join(parent ?? "/sys/fs/cgroup", name);
    const words = [...namespace, "sh", "-ec", script, "sh", top, process.execPath, file];
    const { exitCode, stdout, stderr } = Bun.spawnSync(words);
    if (exitCode !== 0) throw new Error(stderr.toString());
    return JSON.parse(stdout.toString());
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
