import { expect, test } from "bun:test";
import { cgroupFolders, type CgroupScene } from "./cgroup-folders.ts";

type Mounts = CgroupScene["mounts"];

const mount = (point: string, type: string, options: string): Mounts[number] => {
  return { id: 1, dev: "0:1", root: "/", point, type, options, isShared: false };
};
const FIRST: Mounts = [
  mount("/sys/fs/cgroup/cpu,cpuacct", "cgroup", "rw,cpu,cpuacct"),
  mount("/sys/fs/cgroup/devices", "cgroup", "rw,devices"),
  mount("/sys/fs/cgroup/unified", "cgroup2", "rw"),
];
const SECOND: Mounts = [mount("/sys/fs/cgroup", "cgroup2", "rw,nsdelegate")];
const OWN = "4:cpu,cpuacct:/a\n3:devices:/user.slice/shell\n0::/user.slice/shell\n";
const USER = "0::/user.slice/user-1000.slice/user@1000.service/app.slice/x.scope\n";

const runc: CgroupScene = { path: "", containerId: "c1", runtime: "runc", isSystemd: false, mounts: FIRST, own: OWN };
const second: CgroupScene = { ...runc, mounts: SECOND };
const systemd: CgroupScene = { ...second, isSystemd: true };

test.each([
  ["docker with cgroupfs, version 1", { ...runc, path: "/docker/c1" }, "/sys/fs/cgroup/devices/docker/c1"],
  ["docker with cgroupfs, version 2", { ...second, path: "/docker/c1" }, "/sys/fs/cgroup/docker/c1"],
  ["runc by itself, version 1: below its own group", runc, "/sys/fs/cgroup/devices/user.slice/shell/c1"],
  ["runc by itself, version 2: beside its own group", second, "/sys/fs/cgroup/user.slice/c1"],
  ["a path that is not absolute", { ...runc, path: "a/../b" }, "/sys/fs/cgroup/devices/user.slice/shell/b"],
  ["crun by itself", { ...second, runtime: "crun" }, "/sys/fs/cgroup/c1"],
  ["crun with a path that is not absolute", { ...second, runtime: "crun", path: "a/b" }, "/sys/fs/cgroup/a/b"],
  [
    "systemd, as docker has it",
    { ...systemd, path: "system.slice:docker:c1" },
    "/sys/fs/cgroup/system.slice/docker-c1.scope",
  ],
  [
    "systemd, version 1",
    { ...systemd, mounts: FIRST, path: "machine.slice:libpod:c1" },
    "/sys/fs/cgroup/devices/machine.slice/libpod-c1.scope",
  ],
  [
    "a slice in slices",
    { ...systemd, path: "kubepods-burstable-pod1.slice:cri-containerd:c1" },
    "/sys/fs/cgroup/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice/cri-containerd-c1.scope",
  ],
  ["the slice of slices", { ...systemd, path: "-.slice:x:c1" }, "/sys/fs/cgroup/x-c1.scope"],
  ["systemd without a path", systemd, "/sys/fs/cgroup/system.slice/runc-c1.scope"],
  [
    "a user's own systemd",
    { ...systemd, own: USER, path: "user.slice:libpod:c1" },
    "/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-c1.scope",
  ],
] as const)("the control group of %s", (_, scene, folder) => {
  expect(cgroupFolders(scene)).toEqual([folder]);
});

test.each([
  ["no hierarchy is mounted", { ...runc, mounts: [] }],
  ["it would be the root", { ...runc, path: "/" }],
  ["it is no slice", { ...systemd, path: "nothing:x:c1" }],
  ["there are not three parts", { ...systemd, path: "/docker/c1" }],
])("none is named where %s", (_, scene) => {
  expect(cgroupFolders(scene)).toEqual([]);
});
