import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { withoutDeviceFiles } from "./driver-proc.ts";

const work = mkdtempSync(join(tmpdir(), "berth-driver-proc-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

/** A folder of procfs that is there on every machine, in the place of the driver's. */
const AT = "/proc/sys/fs";
const BUSES = ["0000:01:00.0", "0000:02:00.0", "0000:03:00.0"];

/** The root of a machine whose third GPU, minor 2, has two GPU instances with one compute instance each. */
function machine(): string {
  const root = join(work, "machine");
  const driver = join(root, "proc/driver/nvidia");
  const files: Record<string, string> = {
    params: "ResmanDebugLevel: 4294967295\nModifyDeviceFiles: 1\nDeviceFileMode: 438\n",
    version: "NVRM version: 570.1\n",
    "capabilities/mig/config": "DeviceFileMinor: 1\n",
    ...Object.fromEntries(BUSES.map((bus) => [`gpus/${bus}/information`, `Bus Location: ${bus}\n`])),
  };
  for (const instance of ["gi1", "gi2"])
    for (const path of ["access", "ci0/access"]) files[`capabilities/gpu2/mig/${instance}/${path}`] = `${instance}\n`;
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(driver, path, ".."), { recursive: true });
    writeFileSync(join(driver, path), content);
  }
  return root;
}

let count = 0;

/**
 * Runs TypeScript beside a process whose mount namespace has a root file system with procfs, `container`. `grantOf(gpus, instances, control)` is a grant of whole GPUs and of GPU
 * instances of the third one; `files()` is what the container has in the driver's place, `inside(command)` a shell's output there. Gives back what `body` returns.
 */
function besideContainer(body: string): unknown {
  const rootfs = join(work, `${++count}`);
  mkdirSync(join(rootfs, "proc"), { recursive: true });
  const file = join(work, `${count}.ts`);
  writeFileSync(
    file,
    `import { readFileSync } from "node:fs";
     import { openLiveContainer } from ${JSON.stringify(join(import.meta.dir, "live-container.ts"))};
     import { hideGpus, mountDriverProc, showGpus } from ${JSON.stringify(join(import.meta.dir, "driver-proc.ts"))};
     import { fakeGpu } from ${JSON.stringify(join(import.meta.dir, "../grant/fake-host.test-helper.ts"))};
     const [rootfs, pid] = [${JSON.stringify(rootfs)}, Number(process.argv[2])];
     const options = { hostRoot: ${JSON.stringify(machine())}, at: ${JSON.stringify(AT)} };
     const gpus = ${JSON.stringify(BUSES)}.map((bus, index) => fakeGpu(index, { bus, minor: index }));
     const reason = "a test";
     const grantOf = (whole: number[], instances: number[] = [], control: string[] = []) => ({
       gpus: whole.map((index) => ({ gpu: gpus[index], reason })),
       migDevices: instances.map((gpuInstance) => ({ parent: gpus[2], device: { gpuInstance, computeInstance: 0, nodes: [] }, reason })),
       migControl: control.map((what) => ({ what, reason })),
     });
     const inside = (command: string) => Bun.spawnSync(["nsenter", "--mount=/proc/" + pid + "/ns/mnt", "sh", "-c", "cd " + rootfs + options.at + " && " + command]).stdout.toString().trim();
     const files = () => inside("find . -type f | sort").split("\\n");
     const table = () => readFileSync("/proc/" + pid + "/mountinfo", "utf8").split("\\n").filter((line) => line.includes(rootfs));
     const messageOf = (call: () => void) => { try { call(); return ""; } catch (error) { return String(error.message); } };
     using container = openLiveContainer({ pid, rootfs, spec: { mounts: [] }, bundleDir: "/" });
     console.log(JSON.stringify((() => { ${body} })()));`,
  );
  const script = `mount --make-rprivate / && mount --bind "$1" "$1" && mount -t proc proc "$1/proc"
    unshare --mount --propagation unchanged sleep 60 & other=$!
    while [ "$(readlink /proc/$other/ns/mnt)" = "$(readlink /proc/$$/ns/mnt)" ]; do sleep 0.02; done
    "$2" "$3" $other; status=$?; kill $other; exit $status`;
  const words = ["unshare", "--mount", "sh", "-uc", script, "sh", rootfs, process.execPath, file];
  const { exitCode, stdout, stderr } = Bun.spawnSync(words);
  if (exitCode !== 0) throw new Error(stderr.toString());
  return JSON.parse(stdout.toString());
}

const OWN = ["./params", "./version"];

function information(...buses: readonly (string | undefined)[]): readonly string[] {
  return buses.map((bus) => `./gpus/${bus}/information`);
}

describe.skipIf(process.geteuid?.() !== 0)("in a container with procfs (needs root)", () => {
  test("mountDriverProc shows the GPUs that were granted, with ModifyDeviceFiles off, read-only, and its undo leaves the mounts as before", () => {
    const seen = besideContainer(
      `const before = table();
       const undo = mountDriverProc(container, grantOf([1]), options);
       const got = [files(), inside("cat params"), inside("cat gpus/*/information"),
         inside("touch x || echo refused"), inside("mkdir gpus/y || echo refused"), inside("echo x >version || echo refused"), inside("echo x >gpus/0000:02:00.0/information || echo refused")];
       undo();
       return [...got, JSON.stringify(table()) === JSON.stringify(before)];`,
    );
    expect(seen).toEqual([
      [...information(BUSES[1]), ...OWN],
      "ResmanDebugLevel: 4294967295\nModifyDeviceFiles: 0\nDeviceFileMode: 438",
      `Bus Location: ${BUSES[1]}`,
      "refused",
      "refused",
      "refused",
      "refused",
      true,
    ]);
  });

  test("mountDriverProc shows of a MIG device its parent and the two files that stand for the right to use it", () => {
    const seen = besideContainer(
      `mountDriverProc(container, grantOf([], [2]), options);
       return [files(), inside("cat capabilities/gpu2/mig/gi2/ci0/access")];`,
    );
    const access = ["ci0/access", "access"].map((path) => `./capabilities/gpu2/mig/gi2/${path}`).toSorted();
    expect(seen).toEqual([[...access, ...information(BUSES[2]), ...OWN], "gi2"]);
  });

  test("mountDriverProc shows all of MIG to whoever may configure it, and nothing where the machine has no driver", () => {
    const seen = besideContainer(
      `const before = table();
       mountDriverProc(container, grantOf([0]), { ...options, hostRoot: "/nonexistent" });
       mountDriverProc(container, grantOf([0]), { ...options, at: "/proc/none" });
       const untouched = JSON.stringify(table()) === JSON.stringify(before);
       mountDriverProc(container, grantOf([0], [], ["config"]), options);
       return [untouched, files().filter((path) => path.startsWith("./capabilities")).length, inside("ls gpus")];`,
    );
    expect(seen).toEqual([true, 5, BUSES[0]]);
  });

  test("mountDriverProc mounts on procfs alone, and leaves nothing behind when it is refused", () => {
    const seen = besideContainer(
      `inside("mount -t tmpfs none .");
       const before = table();
       const message = messageOf(() => mountDriverProc(container, grantOf([0]), options));
       return [message, JSON.stringify(table()) === JSON.stringify(before)];`,
    );
    expect(seen).toEqual([expect.stringContaining("is on another file system than it should be"), true]);
  });

  test("showGpus adds GPUs to what mountDriverProc made, once, and its undo and hideGpus take them out", () => {
    const seen = besideContainer(
      `mountDriverProc(container, grantOf([0]), options);
       const first = table();
       const undo = showGpus(container, grantOf([0, 1]), options);
       const two = files();
       const again = table();
       showGpus(container, grantOf([0, 1]), options);
       const isOnce = JSON.stringify(table()) === JSON.stringify(again);
       undo();
       const isUndone = JSON.stringify(table()) === JSON.stringify(first);
       showGpus(container, grantOf([1]), options);
       hideGpus(container, [gpus[0], gpus[1]], options.at);
       return [two, isOnce, isUndone, inside("ls gpus"), files(), inside("touch x || echo refused")];`,
    );
    expect(seen).toEqual([[...information(BUSES[0], BUSES[1]), ...OWN], true, true, "", OWN, "refused"]);
  });

  test("showGpus and hideGpus change nothing where the container sees the driver's own folder", () => {
    const seen = besideContainer(
      `const before = table();
       showGpus(container, grantOf([1]), options)();
       hideGpus(container, gpus, options.at);
       return JSON.stringify(table()) === JSON.stringify(before);`,
    );
    expect(seen).toBe(true);
  });
});

test("withoutDeviceFiles turns one line off and leaves all others as they are", () => {
  expect(withoutDeviceFiles("A: 1\nModifyDeviceFiles: 1\nB: 2\n")).toBe("A: 1\nModifyDeviceFiles: 0\nB: 2\n");
  for (const text of ["", "ModifyDeviceFiles: 0\n", "XModifyDeviceFiles: 1\n", "ModifyDeviceFiles: 10\n"])
    expect(withoutDeviceFiles(text)).toBe(text);
});
