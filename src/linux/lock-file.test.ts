import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { lockFile } from "./lock-file.ts";

const folder = mkdtempSync(join(tmpdir(), "berth-lock-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("lockFile holds a file until it is disposed of, and a process that was killed holds nothing", () => {
  const path = join(folder, "lock");
  {
    using _ = lockFile(path, 0);
    expect(() => lockFile(path, 100)).toThrow(/another process has held/);
  }
  lockFile(path, 0)[Symbol.dispose]();
  const script = `import { lockFile } from ${JSON.stringify(join(import.meta.dir, "lock-file.ts"))};
    lockFile(${JSON.stringify(path)}, 0);
    process.kill(process.pid, "SIGKILL");`;
  expect(Bun.spawnSync([process.execPath, "-e", script]).signalCode).toBe("SIGKILL");
  lockFile(path, 0)[Symbol.dispose]();
});

test("lockFile follows no link and makes no folder", () => {
  expect(() => lockFile(join(folder, "none/lock"), 0)).toThrow(/ENOENT/);
});
