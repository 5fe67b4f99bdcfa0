import { afterAll, beforeAll, expect, test } from "bun:test";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findDeviceCgroup, type DeviceCgroup } from "../src/linux/index.ts";
import { makePlainBundle, newContainerId } from "./lib/bundle.ts";
import { MOUNT_CGROUP2 } from "./lib/cgroup2.ts";
import { describeWith, program } from "./lib/gate.ts";
import { holdMountNamespace } from "./lib/namespace.ts";
import { must, run } from "./lib/run.ts";
import { Scope } from "./lib/scope.ts";

const linux = join(import.meta.dir, "../src/linux");
/** Prints what decides about /dev/nvidiactl in the container of a process, after having allowed or denied it. */
const SCRIPT = `
import { openSync } from "node:fs";
import { queryDevicePrograms, readProgram, useProgram } from "${linux}/bpf.ts";
import { findDeviceCgroup, isDeviceAllowed, setDeviceAccess } from "${linux}/index.ts";
import { readFileSync } from "node:fs";
const [, , pid, wish] = process.argv;
const cgroup = findDeviceCgroup("/proc/" + pid);
const device = { major: 195, minor: 255 };
if (wish !== "show") setDeviceAccess(cgroup, [{ ...device, isAllowed: wish === "allow" }]);
const rules = () => cgroup.version === 1
  ? readFileSync(cgroup.folder + "/devices.list", "utf8").trim().split("\\n").toSorted()
  : queryDevicePrograms(openSync(cgroup.folder, "r")).ids.map((id) => useProgram(id, readProgram).instructions);
console.log(JSON.stringify({ version: cgroup.version, isAllowed: isDeviceAllowed(cgroup, device), rules: rules() }));
`;

interface Seen {
  readonly version: DeviceCgroup["version"];
  readonly isAllowed: boolean;
  readonly rules: readonly unknown[];
}

describeWith(["runc", "crun", "busybox"], "the device cgroup of a container", () => {
  let scope: Scope;
  let script: string;

  beforeAll(() => {
    scope = new Scope("device-cgroup");
    script = join(scope.folder("script"), "script.ts");
    writeFileSync(script, SCRIPT);
  });

  afterAll(() => scope.close());

  /** Starts a container that has the node and may not open it. Gives back how to look at its cgroup, and what opening the node says inside. */
  function start(runtime: "runc" | "crun", words: readonly string[]) {
    const bundle = makePlainBundle(scope, fillRootfs, {
      args: ["/bin/busybox", "sleep", "600"],
      edit: ({ linux: spec }) => {
        spec.devices = [{ path: "/dev/nvidiactl", type: "c", major: 195, minor: 255 }];
      },
    });
    const id = newContainerId();
    const lowLevel = [...words, program(runtime), "--root", join(bundle.dir, "state")];
    const [pidFile, log] = [join(bundle.dir, "pid"), join(bundle.dir, "log")];
    scope.defer(() => run([...lowLevel, "delete", "--force", id]));
    // A container that goes on must not hold the pipes of its start.
    const launch = `exec "$@" >"${log}" 2>&1`;
    must(["sh", "-c", launch, "sh", ...lowLevel, "run", "--detach", "--pid-file", pidFile, "--bundle", bundle.dir, id]);
    const pid = must(["cat", pidFile]);
    return {
      change: (wish: "allow" | "deny" | "show"): Seen => {
        return JSON.parse(must([...words, process.execPath, script, pid, wish]));
      },
      open: () => run([...lowLevel, "exec", id, "/bin/busybox", "sh", "-c", "exec 3<>/dev/nvidiactl"]).stderr,
    };
  }

  function holdsFor(version: DeviceCgroup["version"], runtime: "runc" | "crun", words: readonly string[]): void {
    const { change, open } = start(runtime, words);
    const before = change("show");
    expect(before).toMatchObject({ version, isAllowed: false });
    expect(open()).toContain("Operation not permitted");
    const allowed = change("allow");
    expect(allowed).toMatchObject({ isAllowed: true });
    // Without a driver, nothing is behind the node.
    expect(open()).not.toContain("Operation not permitted");
    expect(change("allow")).toEqual(allowed);
    expect(change("deny")).toEqual(before);
    expect(open()).toContain("Operation not permitted");
  }

  test.each(["runc", "crun"] as const)(
    "version 2, %s: a device is opened and closed again, and the program is then its own, instruction for instruction",
    (runtime) => {
      holdsFor(2, runtime, holdMountNamespace(scope, MOUNT_CGROUP2));
    },
  );

  test.skipIf(findDeviceCgroup("/proc/self")?.version !== 1)(
    "version 1, runc: a device is opened and closed again, and the list is then as it was",
    () => {
      holdsFor(1, "runc", []);
    },
  );
});

function fillRootfs(rootfs: string): void {
  mkdirSync(join(rootfs, "bin"));
  copyFileSync(program("busybox"), join(rootfs, "bin/busybox"));
}
