import { expect, test } from "bun:test";
import { closeSync, constants, openSync } from "node:fs";
import { mountIdOf } from "./file-stat.ts";
import { parseMountTable, readMountTable } from "./mount-table.ts";

test("parseMountTable reads what is mounted where, undoes octal escapes, and knows shared mounts", () => {
  const text = [
    "22 27 0:21 / /proc rw,relatime - proc proc rw",
    "36 35 98:0 /sub\\040dir /srv/with\\040blank rw shared:5 master:1 - ext4 /dev/root rw,errors=continue",
    "40 36 0:30 /docker/1 /sys/fs/cgroup/devices rw master:2 - cgroup cgroup rw,devices",
    "",
  ].join("\n");
  expect(parseMountTable(text)).toEqual([
    { id: 22, dev: "0:21", root: "/", point: "/proc", type: "proc", options: "rw", isShared: false },
    {
      id: 36,
      dev: "98:0",
      root: "/sub dir",
      point: "/srv/with blank",
      type: "ext4",
      options: "rw,errors=continue",
      isShared: true,
    },
    {
      id: 40,
      dev: "0:30",
      root: "/docker/1",
      point: "/sys/fs/cgroup/devices",
      type: "cgroup",
      options: "rw,devices",
      isShared: false,
    },
  ]);
});

test("readMountTable has the mount that an open descriptor lies in", () => {
  const fd = openSync("/proc", constants.O_RDONLY);
  const id = mountIdOf(fd);
  closeSync(fd);
  expect(readMountTable().find((mount) => mount.id === id)).toMatchObject({ point: "/proc", type: "proc" });
});
