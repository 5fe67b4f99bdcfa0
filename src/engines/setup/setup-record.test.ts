import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BerthError, sha256Of } from "../../base/index.ts";
import { keepOriginal, noteCdiFile, readOriginal, readRecord, writeRecord } from "./setup-record.ts";
import type { SetupRecord } from "./layer.ts";

const folder = mkdtempSync(join(tmpdir(), "berth-record-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const record = (original: string | undefined): SetupRecord => ({
  layers: [
    {
      engine: "docker",
      at: "2026-01-02T03:04:05.000Z",
      activation: "reload",
      runtime: { name: "nvidia", path: "/a", isDefault: true },
      files: [
        {
          path: "/etc/docker/daemon.json",
          original,
          ours: [sha256Of("b")],
          folders: ["/etc/docker"],
          added: { format: "json", isNewFile: false, made: sha256Of("b"), steps: [], spans: [] },
          passing: { digest: sha256Of("c"), leadsTo: undefined, isCleaned: true },
        },
      ],
    },
  ],
  cdiFile: "/var/run/cdi/nvidia.yaml",
});

function failure(action: () => unknown): string {
  try {
    action();
    return "none";
  } catch (error) {
    return error instanceof BerthError ? `${error.code}: ${error.message}` : String(error);
  }
}

test("a record is read as it was written, and nobody else can read it: files of engines hold secrets", () => {
  const original = keepOriginal(folder, Buffer.from("a"));
  writeRecord(folder, record(original));
  expect(readRecord(folder)).toEqual(record(original));
  expect(Buffer.from(readOriginal(folder, original)).toString()).toBe("a");
  expect(
    [join(folder, "setup.json"), join(folder, "setup", original)].map((path) => statSync(path).mode & 0o777),
  ).toEqual([0o600, 0o600]);
  expect(statSync(join(folder, "setup")).mode & 0o777).toBe(0o700);
});

test("what no layer names is removed, and with the last layer everything", () => {
  const kept = keepOriginal(folder, Buffer.from("a"));
  keepOriginal(folder, Buffer.from("nobody's"));
  writeRecord(folder, record(kept));
  expect(readdirSync(join(folder, "setup"))).toEqual([kept]);
  writeRecord(folder, { layers: [] });
  expect(readdirSync(folder)).toEqual([]);
  noteCdiFile({ stateDir: folder }, "/x");
  expect(readRecord(folder)).toEqual({ layers: [], cdiFile: "/x" });
  writeRecord(folder, { layers: [] });
});

test("a record that somebody has changed is refused with its path, and so are bytes that are not those that were kept", () => {
  const path = join(folder, "setup.json");
  for (const text of [
    "{",
    "[]",
    '{"version":2}',
    '{"version":1,"layers":[{}]}',
    JSON.stringify({ version: 1, ...record("../../etc/passwd") }),
  ]) {
    writeFileSync(path, text);
    expect(failure(() => readRecord(folder))).toStartWith(
      `BERTH-G012: Cannot read what was set up before, in "${path}": `,
    );
  }
  rmSync(path);
  const original = keepOriginal(folder, Buffer.from("a"));
  writeFileSync(join(folder, "setup", original), "b");
  expect(failure(() => readOriginal(folder, original))).toContain("it is not what was put there");
});

test("a state folder that cannot be made is a reason, and not a failure of the program", () => {
  writeFileSync(join(folder, "file"), "");
  expect(existsSync(join(folder, "file"))).toBeTrue();
  mkdirSync(join(folder, "empty"));
  expect(readRecord(join(folder, "file/below")).layers).toEqual([]);
  expect(failure(() => keepOriginal(join(folder, "file/below"), Buffer.from("a")))).toStartWith(
    "BERTH-G012: Cannot keep in",
  );
});
