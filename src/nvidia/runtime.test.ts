import { expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A bundle, a configuration whose low-level runtime prints what it was given, and an empty host. */
function stage(env: readonly string[]) {
  const work = mkdtempSync(join(tmpdir(), "berth-door-"));
  const [bundle, host] = [join(work, "bundle"), join(work, "host")];
  mkdirSync(join(bundle, "rootfs"), { recursive: true });
  mkdirSync(host);
  const lowLevel = join(work, "low-level-runtime");
  writeFileSync(lowLevel, '#!/bin/sh\necho "started: $*"; echo "env: $A"; ulimit -n; exit 7\n');
  chmodSync(lowLevel, 0o755);
  const config = join(work, "config.toml");
  const debug = join(work, "debug.log");
  const lines = [`debug = "${debug}"`, `runtimes = ["${lowLevel}"]`, "[berth]", `root = "${host}"`];
  writeFileSync(config, ["[nvidia-container-runtime]", ...lines].join("\n"));
  const spec = `{ "process": {"env": ${JSON.stringify(env)}}, "root": {"path": "rootfs"}, "x": 1.0 }`;
  writeFileSync(join(bundle, "config.json"), spec);
  const run = (...argv: readonly string[]) => {
    const record = { argv, env: ["A=kept", "PATH=/bin"], config, state: join(work, "state") };
    const probe = join(import.meta.dir, "runtime-probe.test-helper.ts");
    const { exitCode, stdout, stderr } = Bun.spawnSync([process.execPath, probe, JSON.stringify(record)]);
    return { exitCode, stdout: stdout.toString(), stderr: stderr.toString() };
  };
  return {
    work,
    bundle,
    config,
    debug,
    spec,
    run,
    [Symbol.dispose]: () => rmSync(work, { recursive: true, force: true }),
  };
}

const GPU = "NVIDIA_VISIBLE_DEVICES=all";

test("a container without a GPU request: the low-level runtime starts with arguments, environment and limit, the spec keeps its bytes", () => {
  using door = stage(["PATH=/bin"]);
  const { exitCode, stdout, stderr } = door.run("--root", "/r", "create", "--bundle", door.bundle, "c1");
  expect([exitCode, stderr]).toEqual([7, ""]);
  expect(stdout).toBe(`started: --root /r create --bundle ${door.bundle} c1\nenv: kept\n256\n`);
  expect(readFileSync(join(door.bundle, "config.json"), "utf8")).toBe(door.spec);
  expect(readFileSync(join(door.work, "state/low-level"), "utf8")).toMatch(
    /\/low-level-runtime\nNVIDIA_VISIBLE_DEVICES CUDA_VERSION berth\.gpus choose-gpus \\u cdi\.k8s\.io\n$/,
  );
});

test.each(["state run", "exec c run", "--log create delete c"])(
  "only the verb decides: %p reads no bundle",
  (words) => {
    using door = stage([GPU]);
    expect(door.run(...words.split(" "))).toMatchObject({ exitCode: 7, stderr: "" });
  },
);

test("a failure: one line on stderr, the same in runc's log as JSON and in the debug file, exit 1, nothing started or changed", () => {
  using door = stage([GPU]);
  const log = join(door.work, "log.json");
  const result = door.run("--log", log, "--log-format", "json", "create", "--bundle", door.bundle, "c1");
  expect(result).toMatchObject({ exitCode: 1, stdout: "" });
  expect(result.stderr).toMatch(/^nvidia-container-runtime: BERTH-D\d{3}: .*; remedy: .*\n$/);
  const entry: unknown = JSON.parse(readFileSync(log, "utf8").trim().split("\n").at(-1) ?? "");
  expect(entry).toEqual({ level: "error", msg: result.stderr.trimEnd(), time: expect.stringMatching(/^\d{4}-.*Z$/) });
  expect(readFileSync(door.debug, "utf8")).toContain("BERTH-D");
  expect(readFileSync(join(door.bundle, "config.json"), "utf8")).toBe(door.spec);
  expect(readdirSync(join(door.bundle, "rootfs"))).toEqual([]);
});

test("a bundle that is not there and a low-level runtime that is not there are said by name", () => {
  using door = stage([GPU]);
  expect(door.run("create", "-b", "/nowhere", "c").stderr).toContain("BERTH-S001");
  writeFileSync(door.config, '[nvidia-container-runtime]\nruntimes = ["/nowhere/runc"]\n');
  const result = door.run("create", "-b", door.bundle, "c");
  expect(result.stderr).toContain("BERTH-L001");
  expect(readFileSync(join(door.bundle, "config.json"), "utf8")).toBe(door.spec);
});

test("--version says ours, then the low-level runtime's, and writes no log", () => {
  using door = stage([]);
  const { stdout, exitCode } = door.run("--version");
  expect(stdout).toMatch(/^NVIDIA Container Runtime version \S+\nspec: 1\.3\.0\n\nstarted: --version\n/);
  expect([exitCode, existsSync(door.debug)]).toEqual([7, false]);
});
