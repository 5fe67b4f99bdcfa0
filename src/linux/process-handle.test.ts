import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, readdirSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ProcessHandle } from "./index.ts";

const work = mkdtempSync(join(tmpdir(), "berth-process-handle-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

function open(pid: number): ProcessHandle {
  const found = ProcessHandle.open(pid);
  if (found === undefined) throw new RangeError(`there is no process ${pid}`);
  return found;
}

/** Starts a shell that waits for its input to end, once it has printed a line, which is given back, too. */
async function shell(script: string) {
  const child = Bun.spawn(["sh", "-c", script], { stdin: "pipe", stdout: "pipe" });
  const { value } = await child.stdout.getReader().read();
  return { child, line: new TextDecoder().decode(value).trim() };
}

test("ProcessHandle.open finds no process where there is none", () => {
  const { pid } = Bun.spawnSync(["true"]);
  expect([ProcessHandle.open(pid), ProcessHandle.open(0), ProcessHandle.open(2 ** 31 - 1)]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});

test("startTime is field 22 of /proc/PID/stat, whatever the command is called", async () => {
  const { child } = await shell("echo ready; read line; printf ') R 1 (' >/proc/$$/comm; echo again; read line");
  using handle = open(child.pid);
  const plain = readFileSync(`/proc/${child.pid}/stat`, "utf8").split(" ")[21];
  expect(handle.startTime).toBe(plain);
  await child.stdin.write("\n");
  await child.stdin.flush();
  while (!(handle.read("stat", 4096) ?? "").includes(") R 1 (")) await Bun.sleep(5);
  expect(handle.startTime).toBe(plain);
  child.kill("SIGKILL");
});

test("a handle reads nothing of a process that has ended", async () => {
  const { child } = await shell("echo ready; read line");
  using handle = open(child.pid);
  expect(handle.read("comm", 99)).toBe("sh\n");
  child.kill("SIGKILL");
  await child.exited;
  expect([handle.startTime, handle.read("comm", 99), handle.read("cgroup", 9999)]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});

test("a handle on a process that nobody has waited for still says when it began", async () => {
  const { child, line } = await shell("sleep 0.3 & echo $!; exec sleep 60");
  using handle = open(Number(line));
  while (!(handle.read("stat", 4096) ?? "").includes(") Z ")) await Bun.sleep(5);
  expect(handle.startTime).toBe(readFileSync(`/proc/${line}/stat`, "utf8").split(" ")[21]);
  child.kill("SIGKILL");
});

test("close gives the descriptor back", () => {
  // Others come and go with what the engine does meanwhile.
  const count = (): number => readdirSync("/proc/self/fd").filter((fd) => leadsToOwnFolder(fd)).length;
  const handle = open(process.pid);
  expect(count()).toBe(1);
  handle.close();
  for (let round = 0; round < 50; round++) open(process.pid).close();
  expect(count()).toBe(0);
});

function leadsToOwnFolder(fd: string): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`) === `/proc/${process.pid}`;
  } catch {
    // It was the descriptor of the listing itself.
    return false;
  }
}

describe.skipIf(process.geteuid?.() !== 0)("in a process namespace of its own (needs root)", () => {
  test("a handle does not become another process that gets the same number", () => {
    const file = join(work, "reuse.ts");
    writeFileSync(
      file,
      `import { writeFileSync } from "node:fs";
       import { ProcessHandle } from ${JSON.stringify(join(import.meta.dir, "index.ts"))};
       const spawn = () => Bun.spawn(["sleep", "60"]);
       const first = spawn();
       const handle = ProcessHandle.open(first.pid);
       const began = handle.startTime;
       first.kill("SIGKILL");
       await first.exited;
       // The kernel counts starts in ticks of ten milliseconds.
       Bun.sleepSync(50);
       for (let tries = 0; tries < 200; tries++) {
         writeFileSync("/proc/sys/kernel/ns_last_pid", String(first.pid - 1));
         const second = spawn();
         if (second.pid === first.pid) {
           const other = ProcessHandle.open(second.pid);
           console.log(JSON.stringify([began !== undefined, handle.startTime ?? null, handle.read("comm", 99) ?? null, other.startTime !== began]));
           process.exit(0);
         }
         second.kill("SIGKILL");
         await second.exited;
       }`,
    );
    const words = ["unshare", "--pid", "--fork", "--mount-proc", process.execPath, file];
    const { stdout, stderr } = Bun.spawnSync(words);
    expect([stdout.toString().trim(), stderr.toString()]).toEqual(["[true,null,null,true]", ""]);
  });
});
