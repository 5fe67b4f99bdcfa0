import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isOwnProcess } from "./is-own-process.ts";

const proc = mkdtempSync(join(tmpdir(), "berth-own-process-"));
afterAll(() => rmSync(proc, { recursive: true, force: true }));
// 2026-01-02T03:03:20Z
writeFileSync(join(proc, "stat"), "cpu  1 2 3\nbtime 1767323000\nprocesses 9\n");

const ID = "d200f06f9520".padEnd(64, "a");

/** A process with these control groups that began 45 seconds after the boot. */
function isOwn(groups: string, options: { id?: string; startedAt?: string } = {}): boolean {
  mkdirSync(join(proc, "7"), { recursive: true });
  writeFileSync(join(proc, "7/cgroup"), groups);
  writeFileSync(join(proc, "7/stat"), `7 (a) b (c) S 1 7 7 0 -1 4194560 1 0 0 0 3 6 0 0 20 0 1 0 4500 236 351\n`);
  const { id = ID, startedAt } = options;
  return isOwnProcess({ id, pid: 7, startedAt, user: undefined }, proc);
}

test.each([
  ["Docker, cgroupfs", `9:pids:/docker/${ID}\n0::/docker/${ID}\n`],
  ["Docker, systemd", `0::/system.slice/docker-${ID}.scope\n`],
  ["podman", `9:pids:/libpod_parent/libpod-${ID}\n`],
  ["podman, systemd inside", `0::/machine.slice/libpod-${ID}.scope/container\n`],
  [
    "Kubernetes",
    `0::/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod1.slice/cri-containerd-${ID}.scope\n`,
  ],
  [
    "containerd under systemd, cgroupfs names",
    `1:cpu:/system.slice/containerd.service/kubepods-pod1.slice:cri-containerd:${ID}\n`,
  ],
])("isOwnProcess knows a container by its control groups: %s", (_, groups) => {
  expect(isOwn(groups)).toBe(true);
  expect(isOwn(groups.replaceAll(ID, `${ID.slice(0, -1)}b`))).toBe(false);
});

test("isOwnProcess takes a short id as a whole word alone", () => {
  expect(isOwn("0::/default/task-a\n", { id: "task-a" })).toBe(true);
  expect(isOwn("0::/default/task-ab\n", { id: "task-a" })).toBe(false);
  expect(isOwn("0::/default/taskxa\n", { id: "task.a" })).toBe(false);
});

test("isOwnProcess goes by the start where no control group says it", () => {
  expect(isOwn("0::/user.slice\n", { startedAt: "2026-01-02T03:04:05.678901234Z" })).toBe(true);
  expect(isOwn("0::/user.slice\n", { startedAt: "2026-01-02T04:04:06.1+01:00" })).toBe(true);
  expect(isOwn("0::/user.slice\n", { startedAt: "2026-01-02T03:05:05Z" })).toBe(false);
  expect(isOwn("0::/user.slice\n")).toBe(false);
  expect(isOwnProcess({ id: ID, pid: 8, startedAt: "2026-01-02T03:04:05Z", user: undefined }, proc)).toBe(false);
});
