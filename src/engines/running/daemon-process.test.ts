import { afterAll, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { programOf } from "./config-dump.ts";
import { findDaemons, isRunning, listeningOn, optionValues } from "./daemon-process.ts";
import { dockerdConfig, dockerdEndpoint, dockerdOf } from "./docker-process.ts";

const me = process.geteuid?.() ?? 0;
const work = mkdtempSync(join(tmpdir(), "berth-daemons-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

interface Told {
  readonly comm: string;
  readonly args?: readonly string[];
  readonly root?: string;
  readonly namespace?: string;
  readonly state?: string;
  /** Real, effective, saved and file system's. */
  readonly uids?: readonly number[];
  readonly program?: string;
  readonly sockets?: readonly number[];
  readonly unix?: string;
}

/** A /proc with these processes, whose own root is "/" and whose own PID namespace is "pid-a". */
function makeProc(processes: Readonly<Record<number, Told>>): string {
  const proc = mkdtempSync(join(work, "proc-"));
  for (const name of ["pid-a", "pid-b", "other-root"]) writeFileSync(join(proc, name), "");
  const put = (name: string, told: Told): void => {
    const { comm, args = [], root = "/", namespace = "pid-a", state = "S", uids = [me, me, me, me], ...net } = told;
    const folder = join(proc, name);
    for (const each of ["ns", "fd", "net"]) mkdirSync(join(folder, each), { recursive: true });
    writeFileSync(join(folder, "comm"), `${comm}\n`);
    writeFileSync(join(folder, "cmdline"), [`/usr/bin/${comm}`, ...args].map((word) => `${word}\0`).join(""));
    writeFileSync(join(folder, "stat"), `7 (a) b) ${state} ${"0 ".repeat(18)}4711 0\n`);
    writeFileSync(join(folder, "status"), `Name:\t${comm}\nUid:\t${uids.join("\t")}\nGid:\t0\t0\t0\t0\n`);
    symlinkSync(told.program ?? `/usr/bin/${comm}`, join(folder, "exe"));
    symlinkSync("/srv", join(folder, "cwd"));
    symlinkSync(root, join(folder, "root"));
    symlinkSync(join(proc, namespace), join(folder, "ns/pid"));
    for (const inode of net.sockets ?? []) symlinkSync(`socket:[${inode}]`, join(folder, "fd", String(inode)));
    writeFileSync(join(folder, "net/unix"), net.unix ?? "Num RefCount Protocol Flags Type St Inode Path\n");
  };
  put("self", { comm: "berth" });
  for (const [pid, told] of Object.entries(processes)) put(pid, told);
  return proc;
}

test("a daemon is a process of its name on this machine itself, never one of a container", () => {
  const proc = makeProc({
    10: { comm: "dockerd", args: ["-H", "fd://"] },
    11: { comm: "dockerd", root: work },
    12: { comm: "dockerd", namespace: "pid-b" },
    13: { comm: "dockerd", state: "Z" },
    14: { comm: "containerd" },
  });
  const found = findDaemons("dockerd", proc);
  expect(found).toEqual([
    {
      pid: 10,
      startedAt: "4711",
      uid: me,
      program: "/usr/bin/dockerd",
      args: ["-H", "fd://"],
      cwd: "/srv",
    },
  ]);
  expect(found.map((each) => isRunning(each, proc))).toEqual([true]);
  expect(found.map((each) => isRunning({ ...each, startedAt: "1" }, proc))).toEqual([false]);
});

test("a process that another user calls by a daemon's name is none, nor is a program that lends that user its own rights", () => {
  const lender = join(work, "lender");
  writeFileSync(lender, "");
  chmodSync(lender, 0o4755);
  const args = ["--config", "/home/eve/config.toml"];
  const proc = makeProc({
    30: { comm: "containerd", args, uids: [1000, 1000, 1000, 1000].map((uid) => uid + me) },
    31: { comm: "containerd", args, uids: [1000 + me, me, me, me] },
    32: { comm: "containerd", args, program: lender },
    33: { comm: "containerd" },
  });
  expect(findDaemons("containerd", proc).map(({ pid }) => pid)).toEqual([33]);
});

test("a daemon's program is started again only where it has the daemon's name", () => {
  for (const program of ["/usr/bin/env", "/usr/bin/env (deleted)"])
    expect(programOf({ program }, "containerd")).toBe('its program "/usr/bin/env" is not containerd itself');
  expect(programOf({ program: "/usr/bin/env" }, "env")).toEqual({ path: "/usr/bin/env" });
});

const UNIX = `Num       RefCount Protocol Flags    Type St Inode Path
0000000000000000: 00000002 00000000 00010000 0001 01    77 /run/docker.sock
0000000000000000: 00000003 00000000 00000000 0001 03    78 /run/docker.sock
0000000000000000: 00000002 00000000 00010000 0001 01    79 @abstract
0000000000000000: 00000002 00000000 00010000 0001 01    80 /run/a b.sock
`;

test("the dockerd behind a socket is the one that listens on it, whichever of its paths is named", () => {
  const proc = makeProc({
    20: { comm: "dockerd", sockets: [78, 79], unix: UNIX },
    21: { comm: "dockerd", sockets: [77, 80], unix: UNIX },
  });
  expect(findDaemons("dockerd", proc).map((each) => listeningOn(each, proc))).toEqual([
    [],
    ["/run/docker.sock", "/run/a b.sock"],
  ]);
  expect(dockerdOf("/run/docker.sock", proc)?.pid).toBe(21);
  expect(dockerdOf("/run/other.sock", proc)).toBeUndefined();
});

test("the values of an option are found in each way of writing it", () => {
  const args = ["--host=unix:///a", "-H", "unix:///b", "--hosts", "c", "--config-file", "d", "-H"];
  expect(optionValues(args, "-H", "--host")).toEqual(["unix:///a", "unix:///b"]);
  expect(optionValues(args, "--config-file")).toEqual(["d"]);
});

test("a dockerd's file is that of its command line, from where it was started, or the usual one", () => {
  const daemon = { pid: 1, startedAt: "1", uid: 0, program: "/usr/bin/dockerd", cwd: "/srv" };
  expect(dockerdConfig({ ...daemon, args: ["--config-file", "a/daemon.json"] })).toBe("/srv/a/daemon.json");
  expect(dockerdConfig({ ...daemon, args: [] })).toBe("/etc/docker/daemon.json");
  expect(dockerdEndpoint({ ...daemon, args: ["-H", "tcp://0.0.0.0:1", "-H", "unix:///b"] })).toBe("unix:///b");
  writeFileSync(join(work, "daemon.json"), '{"hosts":["unix:///c"]}');
  expect(dockerdEndpoint({ ...daemon, args: ["--config-file", join(work, "daemon.json")] })).toBe("unix:///c");
  writeFileSync(join(work, "daemon.json"), "{");
  expect(dockerdEndpoint({ ...daemon, args: ["--config-file", join(work, "daemon.json")] })).toBe(
    "unix:///var/run/docker.sock",
  );
});
