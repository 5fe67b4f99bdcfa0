import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { missingInJson, missingInToml, parseConfigText, removeJson, removeToml, setJson, setToml } from "./index.ts";

const work = mkdtempSync(join(tmpdir(), "berth-text-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

const RUNTIMES = ["plugins", "io.containerd.grpc.v1.cri", "containerd", "runtimes"];
const NVIDIA = { runtime_type: "io.containerd.runc.v2", options: { BinaryName: "/usr/bin/nvidia-container-runtime" } };

test.skipIf(Bun.which("containerd") === null)(
  "containerd reads what was added to its own default file, and the removal gives that back",
  () => {
    const text = Bun.spawnSync(["containerd", "config", "default"]).stdout.toString();
    const path = [...RUNTIMES, "nvidia"];
    const edited = setToml(text, path, NVIDIA);
    const file = join(work, "config.toml");
    writeFileSync(file, edited);
    const { exitCode, stdout } = Bun.spawnSync(["containerd", "--config", file, "config", "dump"]);
    expect(exitCode).toBe(0);
    const options = [...path, "options"].map((key) => (key.includes(".") ? `"${key}"` : key)).join(".");
    expect(stdout.toString()).toMatch(
      new RegExp(`\\[${options.replaceAll(".", "\\.")}\\]\n +BinaryName = "/usr/bin/nvidia`),
    );
    expect(removeToml(edited, path, { pruneEmpty: missingInToml(text, path) })).toBe(text);
  },
);

test.skipIf(Bun.which("containerd") === null)(
  "every key of containerd's default file is what it is, and can be taken out",
  () => {
    const text = Bun.spawnSync(["containerd", "config", "default"]).stdout.toString();
    const entries = listEntries(parseConfigText("toml", "config.toml", text), []);
    expect(entries.length).toBeGreaterThan(150);
    for (const { path, value } of entries) {
      if (typeof value === "boolean" || typeof value === "string") expect(setToml(text, path, value)).toBe(text);
    }
    for (const { path } of entries.filter((_, index) => index % 10 === 0)) {
      const left = parseConfigText("toml", "config.toml", removeToml(text, path));
      expect(listEntries(left, []).some((each) => each.path.join("\n") === path.join("\n"))).toBe(false);
    }
  },
);

function listEntries(
  table: object,
  above: readonly string[],
): { readonly path: readonly string[]; readonly value: unknown }[] {
  return Object.entries(table).flatMap(([key, value]: [string, unknown]) => {
    const path = [...above, key];
    const isTable = typeof value === "object" && value !== null && !Array.isArray(value);
    return isTable ? [{ path, value }, ...listEntries(value, path)] : [{ path, value }];
  });
}

test.skipIf(Bun.which("dockerd") === null).each(["", "{}\n", '\ufeff{"debug":true}', '{\r\n\t"debug": true\r\n}'])(
  "dockerd takes what was added to %j",
  (text) => {
    const path = ["runtimes", "nvidia"];
    const edited = setJson(text, path, { path: "nvidia-container-runtime", runtimeArgs: [] });
    const file = join(work, "daemon.json");
    writeFileSync(file, edited);
    const { exitCode, stderr } = Bun.spawnSync(["dockerd", "--validate", `--config-file=${file}`]);
    expect([exitCode, stderr.toString()]).toEqual([0, "configuration OK\n"]);
    if (text !== "") expect(removeJson(edited, path, { pruneEmpty: missingInJson(text, path) })).toBe(text);
  },
);
