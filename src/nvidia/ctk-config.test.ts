import { afterAll, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkConfigText, CONFIG_DEFAULTS } from "../config/index.ts";
import { parseConfigText } from "../text/index.ts";
import { parseCommandLine, type Command } from "./command-line.ts";
import { defaultConfigText } from "./ctk-config-default.ts";
import { CONFIG } from "./ctk-config.ts";

/** Golden files are made anew by `UPDATE_GOLDEN=1 bun test src/nvidia/ctk-config.test.ts`. */
const GOLDEN = join(import.meta.dir, "../../testdata/ctk-config");
const PROGRAM: Command = { name: "nvidia-ctk", usage: "", subcommands: [CONFIG] };
const work = mkdtempSync(join(tmpdir(), "berth-ctk-config-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

let count = 0;
function fresh(): string {
  const folder = join(work, String(count++));
  mkdirSync(folder);
  return folder;
}

/** `nvidia-ctk config …` in this process. Gives back its warnings. */
async function config(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<readonly string[]> {
  const get = (name: string) => env[name];
  const outcome = parseCommandLine(PROGRAM, ["config", ...args], get);
  if (outcome.kind === "print") throw new Error(outcome.error ?? outcome.out);
  const warnings: string[] = [];
  const world = { env: get, executable: "/berth", configSlot: undefined };
  const { path, values, args: words } = outcome;
  await CONFIG.run?.({ path, values, args: words, world, info: () => {}, warn: (text) => void warnings.push(text) });
  return warnings;
}

/** What the user is told; "": it was done. */
async function failureOf(args: readonly string[]): Promise<string> {
  try {
    await config(args);
    return "";
  } catch (error) {
    return String(error);
  }
}

/** The text that is written for these arguments. */
async function written(...args: readonly string[]): Promise<string> {
  const output = join(fresh(), "out.toml");
  expect(await config([...args, "--output", output])).toEqual([]);
  return readFileSync(output, "utf8");
}

function expectGolden(text: string, name: string): void {
  const path = join(GOLDEN, name);
  if (process.env["UPDATE_GOLDEN"] !== undefined) writeFileSync(path, text);
  expect(text).toBe(readFileSync(path, "utf8"));
}

const EXISTING = join(GOLDEN, "existing.toml");
const NONE = ["--config-file", "/nowhere/config.toml"] as const;

test("the default file says every default that it shows, and ten keys as comments", () => {
  const text = defaultConfigText(fresh());
  expectGolden(text, "default.toml");
  checkConfigText("default.toml", text);
  expect(text.match(/^#[a-z-]+ = .*$/gm)).toHaveLength(10);
  const said = flatten(parseConfigText("toml", "default.toml", text));
  const ldconfig = { "nvidia-container-cli.ldconfig": "@/sbin/ldconfig" };
  for (const [key, value] of said) expect([key, value]).toEqual([key, { ...defaults(), ...ldconfig }[key]]);
  expect(said.length).toBe(16);
});

function defaults(): Readonly<Record<string, unknown>> {
  return CONFIG_DEFAULTS;
}

function flatten(table: object, prefix = ""): [string, unknown][] {
  return Object.entries(table).flatMap(([key, value]: [string, unknown]) => {
    const isTable = typeof value === "object" && value !== null && !Array.isArray(value);
    return isTable ? flatten(value, `${prefix}${key}.`) : [[`${prefix}${key}`, value]];
  });
}

test("the default file names the ldconfig of an Ubuntu, and the group of a SUSE", () => {
  const root = fresh();
  mkdirSync(join(root, "sbin"));
  mkdirSync(join(root, "etc"));
  writeFileSync(join(root, "sbin/ldconfig.real"), "");
  writeFileSync(join(root, "etc/os-release"), 'ID=sles\nID_LIKE="suse"\n');
  const text = defaultConfigText(root);
  expect(text).toContain('\nldconfig = "@/sbin/ldconfig.real"\n');
  expect(text).toContain('\n#user = "root:video"\nuser = "root:video"\n');
});

test.each(["default", "create-default", "generate-default"])("config %s writes the default file", async (name) => {
  expect(await written(name)).toBe(defaultConfigText("/"));
});

test("without a file the default one is what is changed, and a key that it shows as a comment comes below it", async () => {
  const sets = [
    "--set",
    "swarm-resource=A,nvidia-container-cli.no-cgroups",
    "--set=features.ignore-imex-channel-requests",
  ];
  const text = await written(...NONE, ...sets);
  expect(text.replace(/^ldconfig = .*$/m, 'ldconfig = "@/sbin/ldconfig"')).toBe(
    `${defaultConfigText(fresh())
      .replace(/^#swarm-resource = .*$/m, '$&\nswarm-resource = "A"')
      .replace(/^#no-cgroups = .*$/m, "$&\nno-cgroups = true")}
[features]
ignore-imex-channel-requests = true
`,
  );
});

test("comments, order, layout and unknown keys of a file that is there stay", async () => {
  const sets = [
    "disable-require=T",
    "nvidia-container-cli.environment=X=y:Z",
    "nvidia-container-runtime.mode=cdi",
    "nvidia-container-runtime.modes.legacy.cuda-compat-mode=mount",
    "features.disable-imex-channel-creation=nil",
    "swarm-resource=B",
    "berth.root=/driver",
  ];
  const text = await written("-c", EXISTING, ...sets.flatMap((set) => ["--set", set]));
  expectGolden(text, "changed.toml");
  expect(await written("-c", EXISTING)).toBe(readFileSync(EXISTING, "utf8"));
});

test("the file is the one that the programs of the stack read", async () => {
  const folder = join(fresh(), "nvidia-container-runtime");
  mkdirSync(folder);
  writeFileSync(join(folder, "config.toml"), "# here\n");
  const output = join(fresh(), "o");
  await config(["-o", output], { XDG_CONFIG_HOME: join(folder, "..") });
  expect(readFileSync(output, "utf8")).toBe("# here\n");
  writeFileSync(join(folder, "other"), "# there\n");
  await config(["-o", output], {
    XDG_CONFIG_HOME: join(folder, ".."),
    NVIDIA_CTK_CONFIG_FILE_PATH: join(folder, "other"),
  });
  expect(readFileSync(output, "utf8")).toBe("# there\n");
});

test("--in-place makes the file with its folder, changes it with mode and all, and lets it be when nothing changes", async () => {
  const path = join(fresh(), "a/b/config.toml");
  expect(await config(["-i", "--config", path])).toEqual([]);
  expect(readFileSync(path, "utf8")).toBe(defaultConfigText("/"));
  expect([statSync(path).mode & 0o777, statSync(join(path, "..")).mode & 0o777]).toEqual([0o644, 0o755]);
  chmodSync(path, 0o640);
  await config(["--in-place", "-c", path, "--set", "disable-require"]);
  expect(readFileSync(path, "utf8")).toBe(
    defaultConfigText("/").replace("disable-require = false", "disable-require = true"),
  );
  expect(statSync(path).mode & 0o777).toBe(0o640);
  const before = statSync(path, { bigint: true });
  await config(["--in-place", "-c", path, "--set", "disable-require=1"]);
  const { ino, mtimeNs } = statSync(path, { bigint: true });
  expect([ino, mtimeNs]).toEqual([before.ino, before.mtimeNs]);
  expect(readdirSync(join(path, ".."))).toEqual(["config.toml"]);
});

test("--in-place wins over --output, and says so", async () => {
  const folder = fresh();
  const path = join(folder, "config.toml");
  const warnings = await config(["-i", "-c", path, "-o", join(folder, "other")]);
  expect(warnings).toEqual([expect.stringContaining("is not used: with --in-place the file itself is changed")]);
  expect(readdirSync(folder)).toEqual(["config.toml"]);
});

test("--output makes no folder, and writes to what is no regular file", async () => {
  expect(await failureOf([...NONE, "-o", join(fresh(), "none/x")])).toMatch(/Cannot write ".*\/none\/x": ENOENT/);
  expect(await config([...NONE, "-o", "/dev/null"])).toEqual([]);
  expect(statSync("/dev/null").isCharacterDevice()).toBe(true);
});

test.each([
  ["disable-require", "disable-require = true"],
  ["disable-require=F", "disable-require = false"],
  ["features.allow-unknown-oci-spec-fields=TRUE", "allow-unknown-oci-spec-fields = true"],
  ["nvidia-container-runtime.runtimes=crun:runc", 'runtimes = ["crun", "runc"]'],
  ["nvidia-container-cli.environment=", 'environment = [""]'],
  ["nvidia-container-runtime.debug=/a=b:c", 'debug = "/a=b:c"'],
  ["nvidia-container-runtime.log-level=debug,nvidia-container-runtime.log-level=error", 'log-level = "error"'],
])("--set %s writes %s", async (set, line) => {
  expect((await written(...NONE, "--set", set)).split("\n")).toContain(line);
});

test("another separator of lists may be given, and is one", async () => {
  expect(await written(...NONE, "--set", "berth.lease-limit=4")).toContain("lease-limit = 4\n");
  const sets = ["--set-list-separator", ";", "--set", "nvidia-container-runtime.modes.cdi.annotation-prefixes=a:b/;c/"];
  expect(await written(...NONE, ...sets)).toContain('annotation-prefixes = ["a:b/", "c/"]');
  expect(await failureOf([...NONE, "--set-list-separator="])).toContain("set-list-separator must be set");
});

test.each([
  ["nvidia-container-runtime.mode", "invalid format: expected key=value"],
  ["nvidia-container-runtime.runtimes", "invalid format: expected key=value"],
  ["nvidia-container-runtime.mod=x", 'Cannot set "nvidia-container-runtime.mod": there is no such key'],
  ["features.gds=true", 'Cannot set "features.gds": there is no such key'],
  ["nvidia-container-cli.environment=a,b", 'Cannot set "b": there is no such key'],
  ["nvidia-container-runtime.modes=x", "unsupported type"],
  ["berth.lease-limit=four", '"four" is not a whole number'],
  ["disable-require=yes", '"yes" is not a boolean'],
  ["disable-require=nil", '"nil" is not a boolean'],
  ["=x", 'Cannot set "": there is no such key'],
  ["nvidia-container-runtime.mode=lecacy", 'must be one of "auto"'],
])("--set %s is refused, and nothing is written", async (set, why) => {
  const path = join(fresh(), "config.toml");
  writeFileSync(path, "# mine\n");
  expect(await failureOf(["-i", "-c", path, "--set", set])).toContain(why);
  expect(readFileSync(path, "utf8")).toBe("# mine\n");
});

test("a file with a value that is not allowed can be mended key by key, one that is no TOML cannot", async () => {
  const path = join(fresh(), "config.toml");
  writeFileSync(path, 'disable-require = 1\n[nvidia-container-runtime]\nmode = "x"\n');
  expect(await config(["-i", "-c", path, "--set", "disable-require=false"])).toEqual([
    expect.stringContaining('"nvidia-container-runtime.mode" must be one of'),
  ]);
  expect(await config(["-i", "-c", path, "--set", "nvidia-container-runtime.mode=auto"])).toEqual([]);
  expect(readFileSync(path, "utf8")).toBe('disable-require = false\n[nvidia-container-runtime]\nmode = "auto"\n');
  writeFileSync(path, "a = = 1\n");
  expect(await failureOf(["-i", "-c", path, "--set", "disable-require=false"])).toContain(
    `"${path}", line 1, column 5`,
  );
});

test("a word that is no option is refused", async () => {
  expect(await failureOf(["--set", "nvidia-container-runtime.mode", "cdi"])).toContain('unexpected word "cdi"');
});
