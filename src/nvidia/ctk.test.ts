import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { VERSION } from "../base/index.ts";

const work = mkdtempSync(join(tmpdir(), "berth-ctk-"));
const [good, bad] = [join(work, "good"), join(work, "bad")];
afterAll(() => rmSync(work, { recursive: true, force: true }));
beforeAll(() => {
  for (const folder of [good, bad]) mkdirSync(folder, { mode: 0o755 });
  writeFileSync(join(good, "a.json"), JSON.stringify(spec("1", "0")), { mode: 0o644 });
  writeFileSync(join(bad, "b.yaml"), "kind: [\n", { mode: 0o644 });
});

function spec(...names: string[]) {
  const deviceNodes = [{ path: "/driver/dev/nvidia0" }];
  const devices = names.map((name) => ({ name, containerEdits: { deviceNodes } }));
  return { cdiVersion: "0.5.0", kind: "nvidia.com/gpu", devices };
}

interface Surroundings {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
}

/** nvidia-ctk in a process of its own, as a shell runs it. Times of log lines are left out. */
function ctk(line: string, { env = {}, input = "" }: Surroundings = {}) {
  const script = `import { ctkDoor } from ${JSON.stringify(join(import.meta.dir, "ctk.ts"))};
    process.exitCode = await ctkDoor(process.argv.slice(1), undefined);`;
  const { exitCode, stdout, stderr } = Bun.spawnSync(
    [process.execPath, "-e", script, "--", ...line.split(" ").filter(Boolean)],
    {
      env: { PATH: "/usr/bin:/bin", ...env },
      stdin: Buffer.from(input),
    },
  );
  const err = stderr.toString().replaceAll(/^time="\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ" /gm, "");
  return { code: exitCode, out: stdout.toString(), err };
}

const NAMES = "nvidia.com/gpu=0\nnvidia.com/gpu=1\n";
const FOUND = 'level=info msg="Found 2 CDI devices"\n';

test("cdi list prints the names of the folders that are given, and says on stderr how many", () => {
  expect(ctk(`cdi list --spec-dir ${good}`)).toEqual({ code: 0, out: NAMES, err: FOUND });
  expect(ctk(`cdi list -spec-dir=${work}/none,${good}`)).toEqual({ code: 0, out: NAMES, err: FOUND });
  expect(ctk("cdi list", { env: { NVIDIA_CTK_CDI_SPEC_DIRS: good } })).toEqual({ code: 0, out: NAMES, err: FOUND });
});

test("cdi list makes a bad file a warning and is done all the same; --quiet leaves both out", () => {
  const { code, out, err } = ctk(`cdi list --spec-dir ${good} --spec-dir ${bad}`);
  expect([code, out]).toEqual([0, NAMES]);
  expect(err).toMatch(
    /^level=warning msg="BERTH-F001: Cannot read the CDI file \\".*b.yaml\\":2:1: .*"\nlevel=info msg="Found 2 CDI devices"\n$/,
  );
  expect(ctk(`--debug --quiet cdi list --spec-dir ${good},${bad}`)).toEqual({ code: 0, out: NAMES, err: "" });
  expect(ctk(`cdi list --spec-dir ${good}`, { env: { NVIDIA_CTK_QUIET: "true" } }).err).toBe("");
});

test("cdi transform root reads stdin and prints YAML, or reads and writes files as their endings say", () => {
  const input = JSON.stringify(spec("0"));
  const yaml = `---
cdiVersion: "0.5.0"
kind: nvidia.com/gpu
devices:
    - name: "0"
      containerEdits:
        deviceNodes:
            - path: /driver/dev/nvidia0
              hostPath: /dev/nvidia0
`;
  expect(ctk("cdi transform root --from /driver --to /", { input })).toEqual({ code: 0, out: yaml, err: "" });
  const made = join(work, "new/folder/made");
  const line = `cdi transform root --from /driver --to / --input ${good}/a.json`;
  expect(ctk(`${line} --output ${made}.json`)).toEqual({ code: 0, out: "", err: "" });
  expect(JSON.parse(readFileSync(`${made}.json`, "utf8")).devices[1].containerEdits.deviceNodes).toEqual([
    { path: "/driver/dev/nvidia0", hostPath: "/dev/nvidia0" },
  ]);
  expect(statSync(`${made}.json`).mode & 0o777).toBe(0o644);
  expect(ctk(`${line} --relative-to container --output ${made}.yml`).code).toBe(0);
  expect(readFileSync(`${made}.yml.yaml`, "utf8")).toContain("path: /dev/nvidia0\n");
});

test.each([
  ["cdi transform root --relative-to up", "must be host or container"],
  ["cdi transform root --input /nowhere.json", 'BERTH-F001: Cannot read the CDI file \\"/nowhere.json\\"'],
  ["cdi transform root", 'BERTH-F002: Cannot use the CDI file \\"stdin\\":1:1'],
])("%s fails with a log line and exit code 1", (line, why) => {
  const { code, out, err } = ctk(line, { input: "{}" });
  expect([code, out]).toEqual([1, ""]);
  expect(err).toStartWith('level=error msg="');
  expect(err).toContain(why);
});

test.each([
  ["", 0],
  ["cdi", 0],
  ["cdi transform", 0],
  ["info", 0],
  ["help cdi", 0],
  ["cdi list --help", 0],
])("%j prints help on stdout", (line, code) => {
  const result = ctk(line);
  expect(result).toMatchObject({ code, err: "" });
  expect(result.out).toStartWith("NAME:\n   nvidia-ctk");
});

test("an unknown command is exit code 3, an unknown flag help and exit code 1, --version the version", () => {
  expect(ctk("nope")).toEqual({ code: 3, out: "", err: "No help topic for 'nope'\n" });
  const { code, out, err } = ctk("cdi list --nope");
  expect([code, err]).toEqual([1, 'level=error msg="flag provided but not defined: -nope"\n']);
  expect(out).toStartWith("Incorrect Usage: flag provided but not defined: -nope\n\nNAME:\n   nvidia-ctk cdi list");
  expect(ctk("--version")).toEqual({ code: 0, out: `nvidia-ctk version ${VERSION}\n`, err: "" });
});

test("hook runs the hooks of nvidia-cdi-hook, and takes one that is not known as a warning", () => {
  expect(ctk("hook later --flag")).toEqual({
    code: 0,
    out: "",
    err: 'level=warning msg="Unsupported CDI hook: later"\n',
  });
  const { code, err } = ctk("hook create-symlinks --link a::/b", { input: "no state" });
  expect(code).toBe(1);
  expect(err).toStartWith('level=error msg="BERTH-S');
});
