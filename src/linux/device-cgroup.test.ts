import { expect, test } from "bun:test";
import { closeSync, constants, existsSync, openSync } from "node:fs";
import { findDeviceCgroup, isDeviceAllowed, locateDeviceCgroups } from "./device-cgroup.ts";
import { parseMountTable } from "./mount-table.ts";

const V1 = `30 22 0:27 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755
35 30 0:32 / /sys/fs/cgroup/devices rw,relatime - cgroup cgroup rw,devices
36 30 0:33 / /sys/fs/cgroup/freezer rw,relatime - cgroup cgroup rw,freezer`;
const HYBRID = `${V1}
40 30 0:37 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw`;
const V2 = "40 30 0:37 / /sys/fs/cgroup rw,relatime shared:4 - cgroup2 cgroup2 rw,nsdelegate";
const WITH_ROOT = "35 30 0:32 /docker/1 /sys/fs/cgroup/devices,misc ro,relatime - cgroup cgroup rw,misc,devices";
const BOTH = "6:freezer:/f\n5:devices:/docker/1\n1:name=systemd:/s\n0::/docker/2\n";
const ONLY_V2 = "0::/system.slice/docker-1.scope\n";

test.each([
  ["version 1", BOTH, V1, [[1, "/sys/fs/cgroup/devices/docker/1"]]],
  ["version 1 before version 2", BOTH, HYBRID, [[1, "/sys/fs/cgroup/devices/docker/1"]]],
  ["version 2 where version 1 is not mounted", BOTH, V2, [[2, "/sys/fs/cgroup/docker/2"]]],
  ["version 2", ONLY_V2, V2, [[2, "/sys/fs/cgroup/system.slice/docker-1.scope"]]],
  ["version 2 beside others of version 1", "7:pids:/p\n0::/a", HYBRID, [[2, "/sys/fs/cgroup/unified/a"]]],
  ["the root", "5:devices:/", V1, [[1, "/sys/fs/cgroup/devices"]]],
  [
    "a mount that begins below the root",
    "5:misc,devices:/docker/1/x",
    WITH_ROOT,
    [[1, "/sys/fs/cgroup/devices,misc/x"]],
  ],
  ["the very folder that is mounted", "5:misc,devices:/docker/1", WITH_ROOT, [[1, "/sys/fs/cgroup/devices,misc"]]],
  ["nothing outside of what is mounted", "5:misc,devices:/docker/12", WITH_ROOT, []],
  ["nothing of version 2 where version 1 decides elsewhere", `5:devices:/x\n${ONLY_V2}`, `${WITH_ROOT}\n${V2}`, []],
  ["nothing outside of the cgroup namespace", "0::/../other", V2, []],
  ["a name with colons and blanks", "0::/a b:c", V2, [[2, "/sys/fs/cgroup/a b:c"]]],
  ["nothing where nothing is mounted", BOTH, "", []],
  ["nothing for an empty file", "", HYBRID, []],
] as const)("locateDeviceCgroups finds %s", (_, paths, table, expected) => {
  const found = locateDeviceCgroups(paths, parseMountTable(table));
  expect(found.map(({ version, folder }) => [version, folder])).toEqual(expected.map(([...pair]) => pair));
});

test("findDeviceCgroup finds the same by a process's number and by an open folder of procfs, and nothing when the process is gone", async () => {
  const child = Bun.spawn(["sleep", "60"]);
  const fd = openSync(`/proc/${child.pid}`, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    const found = findDeviceCgroup(`/proc/self/fd/${fd}`);
    expect(found).toEqual(findDeviceCgroup(`/proc/${child.pid}`));
    if (found !== undefined) expect(existsSync(`${found.folder}/cgroup.procs`)).toBe(true);
  } finally {
    child.kill("SIGKILL");
  }
  await child.exited;
  expect(findDeviceCgroup(`/proc/self/fd/${fd}`)).toBeUndefined();
  expect(findDeviceCgroup(`/proc/${child.pid}`)).toBeUndefined();
  closeSync(fd);
});

test.each([1, 2] as const)("isDeviceAllowed cannot tell in a cgroup of version %d that is gone", (version) => {
  const cgroup = { version, folder: "/sys/fs/cgroup/berth-none", mountPoint: "/sys/fs/cgroup" };
  expect(isDeviceAllowed(cgroup, { major: 1, minor: 7 })).toBeUndefined();
});
