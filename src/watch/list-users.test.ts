import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { listUsers, parseUserNames, readProcess, type KnownContainer, type OwnedProcess } from "./index.ts";

const ID = "4f0c1f6f1f7b2d5a7f3a9e1b6c8d0e2f4a6b8c0d1e3f5a7b9c1d3e5f7a9b1c3d";
const WEB: KnownContainer = { id: ID, engine: "docker", name: "web-1", image: "nginx:1.27", project: "shop" };
const MIB = 2 ** 20;

let proc = "";
beforeAll(() => {
  proc = mkdtempSync(join(tmpdir(), "berth-watch-"));
  const make = (pid: number, uid: number, command: string, groups: string): void => {
    mkdirSync(join(proc, String(pid)));
    writeFileSync(join(proc, String(pid), "status"), `Name:\t${command}\nUid:\t${uid}\t0\t0\t0\n`);
    writeFileSync(join(proc, String(pid), "comm"), `${command}\n`);
    writeFileSync(join(proc, String(pid), "cgroup"), groups);
  };
  make(10, 1000, "python", `0::/system.slice/docker-${ID}.scope\n`);
  make(11, 1000, "python", `0::/system.slice/docker-${ID}.scope\n`);
  make(12, 0, "python", `0::/system.slice/docker-${ID}.scope\n`);
  make(20, 1001, "train", "0::/user.slice/user-1001.slice/session-3.scope\n");
  make(30, 0, "ollama", "0::/system.slice/ollama.service\n");
});
afterAll(() => rmSync(proc, { recursive: true }));

function users(pids: readonly (readonly [pid: number, mib?: number])[], containers: readonly KnownContainer[]) {
  const owned = new Map<number, OwnedProcess>();
  for (const [pid] of pids) {
    const found = readProcess(pid, proc);
    if (found !== undefined) owned.set(pid, found);
  }
  return listUsers({
    processes: pids.map(([pid, mib]) => ({ pid, memoryBytes: mib === undefined ? undefined : mib * MIB })),
    owned,
    containers: new Map(containers.map((each) => [each.id, each])),
    userNames: parseUserNames("root:x:0:0::/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\ntoo:x:0:0:::\nbad\n"),
  }).map(({ name, user, memoryBytes, pids: all }) => [name, user, memoryBytes === undefined ? undefined : memoryBytes / MIB, all]); // prettier-ignore
}

describe("listUsers", () => {
  test("adds up the processes of a container for each of its users, and begins with the most memory", () => {
    expect(users([[12, 5], [10, 100], [11, 50]], [WEB])).toEqual([
      ["web-1", "alice", 150, [10, 11]],
      ["web-1", "root", 5, [12]],
    ]); // prettier-ignore
  });

  test("names a container that no engine names by its short id", () => {
    expect(users([[10, 1]], [])).toEqual([["4f0c1f6f1f7b", "alice", 1, [10]]]);
  });

  test("names what is in no container by its service, else by its program, and a user without a name by number", () => {
    expect(users([[30, 2], [20, 1]], [])).toEqual([
      ["ollama", "root", 2, [30]],
      ["train", "1001", 1, [20]],
    ]); // prettier-ignore
  });

  test("keeps a process that has gone or that nobody may see, by its number", () => {
    expect(users([[99, 7]], [])).toEqual([["pid 99", undefined, 7, [99]]]);
  });

  test("says no memory where the driver says none", () => {
    expect(users([[20]], [])).toEqual([["train", "1001", undefined, [20]]]);
  });
});
