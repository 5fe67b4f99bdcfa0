import { expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ProcessHandle } from "../linux/index.ts";
import { listAttachments, newAttachment, readAttachment, saveAttachment, type Attachment } from "./attachments.ts";
import { workFolder } from "./container.test-helper.ts";

const NODE = { path: "/dev/nvidia0", major: 195, minor: 0 };

function handleOf(pid: number): ProcessHandle {
  const found = ProcessHandle.open(pid);
  if (found === undefined) throw new RangeError(`there is no process ${pid}`);
  return found;
}

/** A record with something in each list, of this process. */
function fullRecord(id: string, self: ProcessHandle): Attachment {
  return {
    ...newAttachment(id, self),
    gpus: ["0000:1b:00.0", "0000:1c:00.0/1/0"],
    started: [{ ...NODE, minor: 255, path: "/dev/nvidiactl" }],
    devices: [NODE],
    mounts: [{ hostPath: "/usr/lib/a", path: "/usr/lib/b" }],
  };
}

test("saveAttachment and readAttachment: what was saved is read, whatever the id is", () => {
  using work = workFolder();
  using self = handleOf(process.pid);
  for (const id of ["0f3c2a1b", "a/../b", "with space", "ünïcode", "x".repeat(300)]) {
    const record = fullRecord(id, self);
    saveAttachment(work.path, record);
    expect(readAttachment(work.path, id, self)).toEqual(record);
  }
  expect(listAttachments(work.path)).toHaveLength(5);
  expect(readAttachment(work.path, "another", self)).toBeUndefined();
});

test("saveAttachment keeps records from others: folders 0700, files 0600", () => {
  using work = workFolder();
  using self = handleOf(process.pid);
  const state = join(work.path, "state");
  saveAttachment(state, fullRecord("c", self));
  const modes = [state, `${state}/attached`, `${state}/attached/c.json`].map((path) => statSync(path).mode & 0o777);
  expect(modes).toEqual([0o700, 0o700, 0o600]);
});

test("saveAttachment takes a record away when nothing is in it, and doing it twice is doing it once", () => {
  using work = workFolder();
  using self = handleOf(process.pid);
  saveAttachment(work.path, fullRecord("c", self));
  saveAttachment(work.path, newAttachment("c", self));
  saveAttachment(work.path, newAttachment("c", self));
  expect(readdirSync(join(work.path, "attached"))).toEqual([]);
});

test("readAttachment and listAttachments: a record of an earlier boot, of another process or of an earlier one of that number counts as none", () => {
  using work = workFolder();
  using self = handleOf(process.pid);
  const record = fullRecord("c", self);
  const changes: readonly Partial<Attachment>[] = [
    { boot: "another" },
    { pid: 1 },
    { startTime: "1" },
    { startTime: "" },
  ];
  for (const change of changes) {
    mkdirSync(join(work.path, "attached"), { recursive: true });
    writeFileSync(join(work.path, "attached/c.json"), JSON.stringify({ ...record, ...change }));
    expect([readAttachment(work.path, "c", self), listAttachments(work.path)]).toEqual([undefined, []]);
  }
});

test("saveAttachment clears records of containers that are gone, broken ones, and what a killed writer left", () => {
  using work = workFolder();
  using self = handleOf(process.pid);
  const folder = join(work.path, "attached");
  const child = Bun.spawnSync(["true"]);
  mkdirSync(folder, { recursive: true });
  const gone = { ...fullRecord("gone", self), pid: child.pid };
  writeFileSync(join(folder, "gone.json"), JSON.stringify(gone));
  writeFileSync(join(folder, "broken.json"), "{");
  writeFileSync(join(folder, ".gone.json.999999999"), "left by a process that was killed");
  writeFileSync(join(folder, `.theirs.json.${process.ppid}`), "being written");
  saveAttachment(work.path, fullRecord("alive", self));
  saveAttachment(work.path, fullRecord("c", self));
  expect(readdirSync(folder).toSorted()).toEqual([`.theirs.json.${process.ppid}`, "alive.json", "c.json"]);
});

test("readAttachment takes what is not a record for none, and leaves out what is not a part of one", () => {
  using work = workFolder();
  using self = handleOf(process.pid);
  saveAttachment(work.path, fullRecord("c", self));
  const file = join(work.path, "attached/c.json");
  const whole = readFileSync(file, "utf8");
  for (const text of ["", "null", "[]", "7", '"x"', "{", "{}", whole.slice(0, -4), '{"pid":"1"}', '{"pid":1.5}']) {
    writeFileSync(file, text);
    expect(readAttachment(work.path, "c", self)).toBeUndefined();
  }
  const parts = { gpus: ["a", 1, null], started: "x", devices: [{ major: "1" }, null, NODE, 3], mounts: [] };
  writeFileSync(file, JSON.stringify({ ...fullRecord("c", self), ...parts, unknown: 1 }));
  expect(readAttachment(work.path, "c", self)).toEqual({
    ...newAttachment("c", self),
    gpus: ["a"],
    devices: [NODE],
  });
});

test("listAttachments has nothing where nothing was ever saved", () => {
  using work = workFolder();
  expect(listAttachments(join(work.path, "none"))).toEqual([]);
});
