import { afterAll, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DaemonProcess } from "../running/daemon-process.ts";
import type { RunningScene } from "../running/running.ts";
import { lastErrorIn } from "./daemon-log.ts";
import { findUnit } from "./service-unit.ts";

const work = mkdtempSync(join(tmpdir(), "berth-unit-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

const daemon: DaemonProcess = { pid: 42, startedAt: "1", uid: 0, program: "/usr/bin/dockerd", args: [], cwd: "/" };

/** A machine whose services have these main processes, and whose daemon is in this control group. */
function machine(units: Readonly<Record<string, number>>, cgroup = "0::/\n"): RunningScene {
  const bin = mkdtempSync(join(work, "bin-"));
  const cases = Object.entries(units).map(([unit, pid]) => `${unit}) echo ${pid};;`);
  writeFileSync(
    join(bin, "systemctl"),
    `#!/bin/sh\nfor last; do :; done\ncase "$last" in ${cases.join(" ")} *) echo 0;; esac\n`,
  );
  chmodSync(join(bin, "systemctl"), 0o755);
  mkdirSync(join(bin, "proc/42"), { recursive: true });
  writeFileSync(join(bin, "proc/42/cgroup"), cgroup);
  return {
    root: "/",
    env: (name) => (name === "PATH" ? `${bin}:/usr/bin:/bin` : undefined),
    timeoutMs: 5000,
    proc: join(bin, "proc"),
  };
}

test("a daemon's service is the one whose main process it is, or whose control group it is in", () => {
  expect(findUnit("docker", daemon, machine({ "docker.service": 42 }))).toEqual({
    name: "docker.service",
    restart: "systemctl restart docker.service",
  });
  expect(findUnit("docker", daemon, machine({ "snap.docker.dockerd.service": 42 }))?.name).toBe(
    "snap.docker.dockerd.service",
  );
  const grouped = machine(
    { "my-docker.service": 7 },
    "1:name=systemd:/system.slice/my-docker.service\n0::/system.slice/my-docker.service\n",
  );
  expect(findUnit("docker", daemon, grouped)?.name).toBe("my-docker.service");
});

test("a daemon that somebody started by hand has no service, even beside one that does", () => {
  expect(findUnit("docker", daemon, machine({ "docker.service": 41 }))).toBeUndefined();
  expect(findUnit("docker", daemon, machine({}, "0::/user.slice/user-0.slice/session-1.scope\n"))).toBeUndefined();
  expect(findUnit("docker", daemon, { ...machine({}), env: () => "/nowhere" })).toBeUndefined();
});

test("a daemon's error is the message of its last line that says one", () => {
  const log = [
    'time="2026-01-02T03:04:05Z" level=error msg="unable to configure the Docker daemon with file \\"/a\\": no \u001b[1m"',
    'time="2026-01-02T03:04:05Z" level=info msg="Reloaded"',
    "",
  ].join("\n");
  expect(lastErrorIn(log)).toBe('unable to configure the Docker daemon with file "/a": no \\u001b[1m');
  expect(lastErrorIn("panic: runtime error: index out of range [1]\n\ngoroutine 1 [running]:\nmain.main()\n")).toBe(
    "panic: runtime error: index out of range [1]",
  );
  expect(lastErrorIn("failed to start daemon: no space\n")).toBe("failed to start daemon: no space");
  expect(lastErrorIn('time="x" level=info msg="error-free"\n')).toBeUndefined();
});
