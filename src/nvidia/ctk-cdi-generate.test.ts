import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseCdiSpec, type CdiSpec } from "../cdi/index.ts";
import { simUp } from "../sim/index.ts";

let folder = "";
let host = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "berth-ctk-generate-"));
  host = join(folder, "host");
  simUp(host, "rtx4090x2", { executable: "/usr/bin/berth" });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Answer {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** `nvidia-ctk cdi generate` with the configuration of a simulated host, in a process of its own. */
function generate(flags: readonly string[], env: Readonly<Record<string, string>> = {}): Answer {
  const config = join(host, "etc/nvidia-container-runtime/config.toml");
  const script = `import { ctkDoor } from ${JSON.stringify(join(import.meta.dir, "ctk.ts"))};
    process.exitCode = await ctkDoor(process.argv.slice(1), undefined);`;
  const words = ["--config", config, "cdi", "generate", "--nvidia-cdi-hook-path", "/usr/bin/nvidia-cdi-hook", ...flags];
  const { exitCode, stdout, stderr } = Bun.spawnSync([process.execPath, "-e", script, "--", ...words], {
    env: { PATH: "/usr/bin:/bin", ...env },
  });
  return { code: exitCode, out: stdout.toString(), err: stderr.toString() };
}

function specOf({ code, out, err }: Answer): CdiSpec {
  if (code !== 0) throw new Error(err);
  return parseCdiSpec(Buffer.from(out), out.startsWith("{") ? "x.json" : "x.yaml");
}

const names = (answer: Answer): readonly string[] => specOf(answer).devices.map(({ name }) => name);

describe.skipIf(process.geteuid?.() !== 0)("nvidia-ctk cdi generate", () => {
  test("prints YAML, and says on stderr which version it is", () => {
    const answer = generate([]);
    expect(answer.out).toStartWith("---\ncdiVersion:");
    expect(answer.err).toMatch(/level=info msg="Generated CDI spec with version 0\.[57]\.0"\n$/);
    expect(names(answer)).toHaveLength(5);
  });

  test.each([
    [["--device-name-strategy", "type-index"], {}, ["all", "gpu0", "gpu1"]],
    [["--device-name-strategy=index", "--no-all-device"], {}, ["0", "1"]],
    [["--device-id", "1", "--device-name-strategy", "index,type-index"], {}, ["1", "all", "gpu1"]],
    [["--devices", "0,1"], { NVIDIA_CTK_CDI_GENERATE_DEVICE_NAME_STRATEGIES: "index" }, ["0", "1", "all"]],
    [["--device", "none"], {}, ["none"]],
    [
      [],
      { NVIDIA_CTK_CDI_GENERATE_DEVICE_IDS: "0", NVIDIA_CTK_CDI_GENERATE_DEVICE_NAME_STRATEGIES: "index" },
      ["0", "all"],
    ],
    [
      ["--device-id", "1"],
      { NVIDIA_CTK_CDI_GENERATE_DEVICE_IDS: "0", NVIDIA_CTK_CDI_GENERATE_DEVICE_NAME_STRATEGIES: "index" },
      ["1", "all"],
    ],
  ] as const)("%j with the variables %j names %j", (flags, env, expected) => {
    expect(names(generate(flags, env))).toEqual([...expected]);
  });

  test("takes vendor and class from flags and variables", () => {
    expect(specOf(generate(["--cdi-vendor", "example.com"], { NVIDIA_CTK_CDI_GENERATE_CLASS: "card" })).kind).toBe(
      "example.com/card",
    );
  });

  test.each([
    ["a.yaml", [], "a.yaml", "---"],
    ["b.json", [], "b.json", "{"],
    ["c", [], "c.yaml", "---"],
    ["d.yml", [], "d.yml.yaml", "---"],
    ["e/f/g", ["--format", "json"], "e/f/g.json", "{"],
    ["h.yaml", ["--format=json"], "h.yaml", "{"],
  ])("--output %s with %j writes %s, which begins with %s, for everybody to read", (output, flags, file, start) => {
    const answer = generate(["--output", join(folder, output), ...flags]);
    expect(answer).toMatchObject({ code: 0, out: "" });
    expect(readFileSync(join(folder, file), "utf8")).toStartWith(start);
    expect(statSync(join(folder, file)).mode & 0o777).toBe(0o644);
    expect(answer.err.includes("level=warning")).toBe(output === "h.yaml");
  });

  test("has no hook where all is disabled, and a smaller one where some is", () => {
    expect(specOf(generate(["--disable-hook", "all"])).containerEdits.hooks).toEqual([]);
    const [hook] = specOf(generate(["--disable-hooks=all", "--enable-hook", "create-symlinks"])).containerEdits.hooks;
    expect(hook?.args.slice(0, 3)).toEqual(["nvidia-cdi-hook", "update-container", "--link"]);
    expect(hook?.args).not.toContain("--application-profile");
    expect(hook?.env).not.toEqual([]);
    expect(hook?.timeout).toBeGreaterThan(0);
  });

  test("starts the hook through nvidia-ctk where that is named", () => {
    const [hook] = specOf(generate(["--nvidia-ctk-path", "/opt/bin/nvidia-ctk"])).containerEdits.hooks;
    expect(hook).toMatchObject({ path: "/opt/bin/nvidia-ctk", hookName: "createContainer" });
    expect(hook?.args.slice(0, 3)).toEqual(["nvidia-ctk", "hook", "update-container"]);
  });

  test("has the driver's root in host paths alone, and device nodes where --dev-root says", () => {
    const devRoot = join(folder, "dev-root");
    mkdirSync(devRoot);
    Bun.spawnSync(["cp", "-a", join(host, "dev"), devRoot]);
    const { containerEdits, devices } = specOf(generate(["--driver-root", host, "--dev-root", devRoot]));
    const { mounts, deviceNodes } = containerEdits;
    expect(mounts.every(({ hostPath }) => hostPath.startsWith(`${host}/`))).toBe(true);
    expect(mounts.some(({ containerPath }) => containerPath.startsWith(host))).toBe(false);
    const nodes = [...deviceNodes, ...devices.flatMap((device) => device.containerEdits.deviceNodes)];
    expect(nodes.every(({ path, hostPath }) => hostPath === devRoot + path)).toBe(true);
    const elsewhere = generate(["--dev-root", "/nowhere"]);
    expect(elsewhere).toMatchObject({ code: 1, out: "" });
    expect(elsewhere.err).toContain("the device nodes of 0 are not below");
  });

  test.each([
    [["--mode", "nvlm"], "did you mean"],
    [["--device-name-strategy", "name"], "invalid device name strategy"],
    [["--format", "xml"], "invalid format"],
    [["--enable-hook", "all"], "enabling all hooks is not supported"],
    [["--device-id", "7"], "BERTH-R001"],
    [["--mode", "nvswitch"], "no device node of that kind"],
    [["--vendor", "-"], "BERTH-F002"],
    [["--mode", "wsl"], "another kind"],
  ])("%j is refused, and nothing is written", (flags, why) => {
    const output = join(folder, "refused.yaml");
    const answer = generate([...flags, "--output", output]);
    expect(answer).toMatchObject({ code: 1, out: "" });
    expect(answer.err).toContain(why);
    expect(existsSync(output)).toBe(false);
  });
});
