import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findAllHolders, findHolders } from "./index.ts";

const work = mkdtempSync(join(tmpdir(), "berth-holders-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

const FULL = new Set(["1:7"]);
const ZERO = new Set(["1:5"]);

/** Runs a program until the test is over, from the moment on that it has printed a line. */
async function start(...words: readonly string[]) {
  const child = Bun.spawn([...words], { stdin: "pipe", stdout: "pipe" });
  await child.stdout.getReader().read();
  return child;
}

/** Which of the machine's processes is a holder, for the child alone: others of this test's mount namespace are none of its business. */
function isHolder(pid: number, devices: ReadonlySet<string>): boolean {
  return findHolders("/proc/self", devices).some((holder) => holder.pid === pid);
}

function shell(script: string, ...words: readonly string[]) {
  return start("sh", "-c", `${script}; echo ready; read line`, ...words);
}

describe.skipIf(process.geteuid?.() !== 0)("processes with a device (needs root)", () => {
  test("findAllHolders looks at the whole machine", async () => {
    await using child = await shell("exec 3</dev/full");
    expect(findAllHolders(FULL).map(({ pid }) => pid)).toContain(child.pid);
    expect(findAllHolders(ZERO).map(({ pid }) => pid)).not.toContain(child.pid);
  });

  test("findHolders finds who has a device open, by its number and not by its name, with the command line", async () => {
    const node = join(work, "other-name");
    Bun.spawnSync(["mknod", node, "c", "1", "7"]);
    await using child = await shell(`exec 3<${node}`);
    const found = findHolders("/proc/self", FULL).find(({ pid }) => pid === child.pid);
    expect(found).toEqual({ pid: child.pid, command: `sh -c exec 3<${node}; echo ready; read line`.slice(0, 60) });
    expect(isHolder(child.pid, ZERO)).toBe(false);
  });

  test("findHolders finds who has a device mapped and closed, by another name, too", async () => {
    const [node, file] = [join(work, "zero"), join(work, "map.ts")];
    Bun.spawnSync(["mknod", node, "c", "1", "5"]);
    writeFileSync(
      file,
      `import { dlopen } from "bun:ffi";
       import { closeSync, openSync, readSync } from "node:fs";
       const { symbols } = dlopen("libc.so.6", { mmap: { args: ["u64", "u64", "i32", "i32", "i32", "i64"], returns: "i64" } });
       const fd = openSync(process.argv[2], "r");
       symbols.mmap(0, 4096, 1, 2, fd, 0);
       closeSync(fd);
       console.log("ready");
       readSync(0, Buffer.alloc(1));`,
    );
    await using child = await start(process.execPath, file, node);
    expect([isHolder(child.pid, ZERO), isHolder(child.pid, FULL)]).toEqual([true, false]);
  });

  test("findHolders passes over a file of that name, another device, and a process that has ended", async () => {
    const file = join(work, "full");
    writeFileSync(file, "");
    await using child = await shell(`exec 3<${file} 4</dev/null`);
    expect(isHolder(child.pid, FULL)).toBe(false);
    const ended = await shell("exec 3</dev/full");
    expect(isHolder(ended.pid, FULL)).toBe(true);
    ended.kill("SIGKILL");
    await ended.exited;
    expect(isHolder(ended.pid, FULL)).toBe(false);
  });

  test("findHolders finds a process whose command line is longer than anybody reads, and one that has none", async () => {
    await using long = await shell("exec 3</dev/full", ...Array.from({ length: 12 }, () => "x".repeat(100_000)));
    await using none = await start(
      "perl",
      "-e",
      '$0 = ""; open C, ">/proc/self/comm"; print C "named"; close C; open F, "</dev/full"; $| = 1; print "ready\\n"; <STDIN>',
    );
    const commands = findHolders("/proc/self", FULL).flatMap(({ pid, command }) =>
      [long.pid, none.pid].includes(pid) ? [command] : [],
    );
    expect(commands).toEqual(["sh -c exec 3</dev/full; echo ready; read line xxxxxxxxxxxxxx", "named"]);
  });

  test("findHolders looks into one mount namespace and its cgroups alone", async () => {
    await using child = await start("unshare", "--mount", "sh", "-c", "exec 3</dev/full; echo ready; read line");
    const own = findHolders(`/proc/${child.pid}`, FULL).map(({ pid }) => pid);
    await using outside = await shell("exec 3</dev/full");
    const inside = findHolders(`/proc/${child.pid}`, FULL).map(({ pid }) => pid);
    expect([own.includes(child.pid), inside.includes(child.pid)]).toEqual([true, true]);
    // Where all of this runs in one control group that has a name, that counts as well.
    const isOneGroup = /:\/./.test(readFileSync("/proc/self/cgroup", "utf8"));
    expect(inside.includes(outside.pid)).toBe(isOneGroup);
  });
});
