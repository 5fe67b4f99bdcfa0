import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { VERSION } from "../base/index.ts";
import { simUp } from "../sim/index.ts";
import { parseArgp } from "./argp.ts";
import { formatInfo, isComplete, lookAtHost } from "./cli-info.ts";
import { listPaths, readListCall } from "./cli-list.ts";
import { LIST } from "./cli-options.ts";
import { loadCliHost, openCliSite, type CliSite } from "./cli-site.ts";
import { formatPeerError } from "./peer-error.ts";

const PROFILES = ["h100x8", "a100x8-mig", "gb200x4-imex", "l40s-graphics", "wsl", "orin-csv", "none"] as const;
type Profile = (typeof PROFILES)[number];

let folder = "";
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "berth-container-cli-"));
  chmodSync(folder, 0o755);
  if (process.geteuid?.() !== 0) return;
  for (const profile of PROFILES) simUp(join(folder, profile), profile, { executable: "/usr/bin/berth" });
});

const configOf = (profile: Profile): string => join(folder, profile, "etc/nvidia-container-runtime/config.toml");

function siteOf(profile: Profile, root = ""): CliSite {
  return openCliSite({ root }, { env: () => undefined, executable: "/usr/bin/berth", configSlot: configOf(profile) });
}

/** What `list` prints on a simulated host, the host's folder left out; its error where it has one. */
function list(profile: Profile, line: string, root = ""): readonly string[] {
  const outcome = parseArgp(LIST.options, line.split(" ").filter(Boolean), { stopsAtWord: false });
  if (outcome.kind !== "parsed") throw new Error(JSON.stringify(outcome));
  const site = siteOf(profile, root);
  try {
    const paths = listPaths(readListCall(outcome.values), loadCliHost(site), site.policy);
    return paths.map((path) => path.slice(join(folder, profile).length));
  } catch (error) {
    return formatPeerError("cli", error).split("\n").slice(0, 1);
  }
}

const CONTROL = ["/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools", "/dev/nvidia-modeset"];
const PROGRAMS = ["smi", "debugdump", "persistenced", "cuda-mps-control", "cuda-mps-server"].map(
  (name) => `/usr/bin/nvidia-${name}`,
);

describe.skipIf(process.geteuid?.() !== 0)("nvidia-container-cli list", () => {
  test.each([
    ["h100x8", "--device 3 -d1", [...CONTROL, "/dev/nvidia1", "/dev/nvidia3"]],
    ["h100x8", "--device=", CONTROL],
    ["h100x8", "-b", PROGRAMS],
    ["h100x8", "--ipcs", ["/run/nvidia-persistenced/socket"]],
    ["h100x8", "--ipcs --no-fabricmanager", ["/run/nvidia-persistenced/socket"]],
    ["h100x8", "--ipcs --no-persistenced", []],
    ["h100x8", "-f", ["gsp_ga10x", "gsp_tu10x"].map((name) => `/lib/firmware/nvidia/570.133.20/${name}.bin`)],
    ["h100x8", "--device 0 --device 99", ["cli: device error: 99: unknown device"]],
    [
      "a100x8-mig",
      "--mig-config=all --mig-monitor=all",
      [
        "/proc/driver/nvidia/capabilities/mig/config",
        "/dev/nvidia-caps/nvidia-cap1",
        "/proc/driver/nvidia/capabilities/mig/monitor",
        "/dev/nvidia-caps/nvidia-cap2",
      ],
    ],
    ["a100x8-mig", "--mig-config=0", ["cli: mig-config error: 0: only 'all' devices are currently supported"]],
    ["gb200x4-imex", "--imex-channel=0 -d 0", [...CONTROL, "/dev/nvidia0", "/dev/nvidia-caps-imex-channels/channel0"]],
    ["wsl", "--device=all", ["/dev/dxg"]],
    ["none", "", ["cli: initialization error: nvml error: driver not loaded"]],
  ] as const)("on %s, %j prints %j", (profile, line, expected) => {
    expect(list(profile, line)).toEqual([...expected]);
  });

  test("as Apptainer and SingularityCE call it prints programs, library files and sockets, and no node", () => {
    const paths = list("h100x8", "--binaries --ipcs --libraries");
    expect(paths.slice(0, PROGRAMS.length)).toEqual(PROGRAMS);
    expect(paths.at(-1)).toBe("/run/nvidia-persistenced/socket");
    const libraries = paths.slice(PROGRAMS.length, -1);
    expect(libraries).toContain("/usr/lib/x86_64-linux-gnu/libcuda.so.570.133.20");
    expect(libraries.every((path) => /^\/usr\/lib\/x86_64-linux-gnu\/.*\.so\.[0-9.]+$/.test(path))).toBe(true);
  });

  test("has 32-bit libraries after the others, and only where they are asked for", () => {
    expect(list("l40s-graphics", "-l").some((path) => path.includes("i386"))).toBe(false);
    const places = list("l40s-graphics", "-l --compat32").map((path) => path.split("/")[3]);
    expect([...new Set(places)]).toEqual(["x86_64-linux-gnu", "i386-linux-gnu"]);
    expect(places.lastIndexOf("x86_64-linux-gnu")).toBeLessThan(places.indexOf("i386-linux-gnu"));
  });

  test("without a selection prints everything in its order, and an IMEX channel besides", () => {
    const everything = list("gb200x4-imex", "");
    const kinds = everything.map((path) => /^\/(dev|usr\/bin|usr\/lib|run|lib\/firmware)\//.exec(path)?.[1]);
    expect([...new Set(kinds)]).toEqual(["dev", "usr/bin", "usr/lib", "run", "lib/firmware"]);
    const channel = "/dev/nvidia-caps-imex-channels/channel0";
    const nodes = [...CONTROL, ...[0, 1, 2, 3].map((minor) => `/dev/nvidia${minor}`)];
    expect(everything.slice(0, nodes.length)).toEqual(nodes);
    expect(list("gb200x4-imex", "--imex-channel=0")).toEqual([...nodes, channel, ...everything.slice(nodes.length)]);
    expect(list("l40s-graphics", "").filter((path) => path.includes("/dri/"))).toEqual([]);
  });

  test("lists GPUs by index, also those that are split, and each path once", () => {
    const paths = list("a100x8-mig", "-d all");
    expect(paths.slice(0, 12)).toEqual([...CONTROL, ...[0, 1, 2, 3, 4, 5, 6, 7].map((minor) => `/dev/nvidia${minor}`)]);
    expect(paths.slice(12)).toHaveLength(22);
    expect(new Set(paths).size).toBe(paths.length);
  });

  test("lists the driver of --root, named from the host or from its own root", () => {
    const expected = list("h100x8", "-l");
    expect(list("h100x8", "-l", join(folder, "h100x8"))).toEqual(expected);
    expect(list("h100x8", "-l", "/")).toEqual(expected);
    expect(list("h100x8", "-l", "/nowhere")).toEqual([
      "cli: initialization error: load library failed: libnvidia-ml.so.1: cannot open shared object file: no such file or directory",
    ]);
  });
});

describe.skipIf(process.geteuid?.() !== 0)("nvidia-container-cli info", () => {
  const info = async (profile: Profile, isCsv = false): Promise<string> =>
    formatInfo((await lookAtHost(siteOf(profile), "/nowhere/berth")).host, isCsv);

  test("prints a block for the driver and one for each GPU", async () => {
    expect(await info("l40s-graphics")).toMatchInlineSnapshot(`
      "NVRM version:   570.172.08
      CUDA version:   12.8

      Device Index:   0
      Device Minor:   0
      Model:          NVIDIA L40S
      Brand:          Nvidia
      GPU UUID:       GPU-354fa02b-4909-4008-b44c-f3697be4fd91
      Bus Location:   00000000:27:00.0
      Architecture:   8.9

      Device Index:   1
      Device Minor:   1
      Model:          NVIDIA L40S
      Brand:          Nvidia
      GPU UUID:       GPU-fc7f115a-d98d-40fe-8682-e39a88b04947
      Bus Location:   00000000:a2:00.0
      Architecture:   8.9
      "
    `);
  });

  test("prints two tables of comma-separated values with --csv", async () => {
    expect(await info("gb200x4-imex", true)).toMatchInlineSnapshot(`
      "NVRM version,CUDA version
      580.95.05,13.0

      Device Index,Device Minor,Model,Brand,GPU UUID,Bus Location,Architecture
      0,0,NVIDIA GB200,Nvidia,GPU-173f75ab-3359-429e-8aec-cffe8eef71ea,00000008:01:00.0,10.0
      1,1,NVIDIA GB200,Nvidia,GPU-0d08c783-6cd9-47e5-a8ac-8e00029a9c54,00000009:01:00.0,10.0
      2,2,NVIDIA GB200,Nvidia,GPU-7265a612-c41f-45b3-bb48-0dce2a4e4f64,00000018:01:00.0,10.0
      3,3,NVIDIA GB200,Nvidia,GPU-399315bc-bf19-4c12-a864-793f347faf8a,00000019:01:00.0,10.0
      "
    `);
  });

  test("prints what is not known of a GPU that is one unit as C prints a missing text", async () => {
    expect(await info("orin-csv")).toMatchInlineSnapshot(`
      "NVRM version:   (null)
      CUDA version:   (null)

      Device Index:   0
      Device Minor:   0
      Model:          NVIDIA Jetson AGX Orin Developer Kit
      Brand:          (null)
      GPU UUID:       (null)
      Bus Location:   (null)
      Architecture:   (null)
      "
    `);
  });

  test("asks the driver only where no file says something", () => {
    const host = loadCliHost(siteOf("h100x8"));
    expect(isComplete(host)).toBe(true);
    for (const change of [{ uuid: undefined }, { computeCapability: undefined }, { brand: "unknown" }]) {
      expect(isComplete({ ...host, gpus: host.gpus.map((gpu) => ({ ...gpu, ...change })) })).toBe(false);
    }
  });
});

/** The program in a process of its own, from its sources. */
function run(profile: Profile, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const script = `import { cliDoor } from ${JSON.stringify(join(import.meta.dir, "container-cli.ts"))};
    process.exitCode = await cliDoor(process.argv.slice(1), undefined);`;
  const { exitCode, stdout, stderr } = Bun.spawnSync([process.execPath, "-e", script, "--", ...args], {
    env: { PATH: "/usr/bin:/bin", NVIDIA_CTK_CONFIG_FILE_PATH: configOf(profile), ...env },
  });
  return { code: exitCode, out: stdout.toString(), err: stderr.toString() };
}

describe.skipIf(process.geteuid?.() !== 0)("cliDoor", () => {
  test.each([
    [["--foo"], "unrecognized option '--foo'", ""],
    [["-x", "info"], "invalid option -- 'x'", ""],
    [["list", "--foo"], "unrecognized option '--foo'", " list"],
    [["configure", "--pid"], "option '--pid' requires an argument", " configure"],
  ])("%j is refused in argp's words, with exit code 1", (args, why, command) => {
    const name = `nvidia-container-cli${command}`;
    expect(run("h100x8", args)).toEqual({
      code: 1,
      out: "",
      err: `${name}: ${why}\nTry \`${name} --help' or \`${name} --usage' for more information.\n`,
    });
  });

  test.each([
    [[], "no command"],
    [["nope"], 'no command "nope"'],
    [["toString"], 'no command "toString"'],
    [["list", "one"], 'too many arguments: "one"'],
    [["configure"], "no ROOTFS"],
    [["configure", "/a", "/b"], 'too many arguments: "/b"'],
  ])("%j is refused with a reason: %s", (args, why) => {
    const { code, out, err } = run("h100x8", args);
    expect([code, out]).toEqual([1, ""]);
    expect(err).toMatch(/^nvidia-container-cli( \w+)?: /);
    expect(err).toContain(`: ${why}\nUsage: nvidia-container-cli`);
  });

  test("prints its version and help at every level", () => {
    const version = `cli-version: ${VERSION}\nlib-version: ${VERSION}\n`;
    for (const args of [["--version"], ["-V"], ["list", "-V"]]) {
      expect(run("h100x8", args)).toMatchObject({ code: 0, err: "", out: expect.stringContaining(version) });
    }
    expect(run("h100x8", ["-?"]).out).toStartWith("Usage: nvidia-container-cli [OPTION...] COMMAND [ARG...]\n");
    expect(run("h100x8", ["info", "--usage"]).out).toBe(
      "Usage: nvidia-container-cli info [-?V] [--csv] [--help] [--usage] [--version]\n",
    );
  });

  test("fails in the known words where no driver is loaded, with exit code 1", () => {
    const { code, out, err } = run("none", ["info"]);
    expect([code, out]).toEqual([1, ""]);
    expect(err).toStartWith("nvidia-container-cli: initialization error: nvml error: driver not loaded\n");
    expect(err).toContain("nvidia-container-cli: BERTH-D001: ");
  });

  test("writes a log where --debug says, and nothing of it elsewhere", () => {
    const file = join(folder, "debug.log");
    expect(run("h100x8", ["--debug", file, "list", "-b"]).err).toBe("");
    expect(readFileSync(file, "utf8")).toContain(`nvidia-container-cli list, version ${VERSION}`);
    expect(run("h100x8", ["--debug=/dev/stderr", "list", "-b"]).err).toContain("nvidia-container-cli list");
    expect(run("h100x8", ["list", "-b"], { NVC_DEBUG_FILE: file }).code).toBe(0);
    expect(readFileSync(file, "utf8").match(/list, version/g)).toHaveLength(2);
  });

  test("asks the driver for a MIG device whose number or UUID no file says", () => {
    const paths = run("a100x8-mig", ["list", "--device=0:1,3"]);
    expect(paths.err).toBe("");
    expect(paths.out.replaceAll(join(folder, "a100x8-mig"), "").split("\n")).toEqual([
      ...CONTROL,
      "/dev/nvidia0",
      "/dev/nvidia3",
      "/proc/driver/nvidia/capabilities/gpu0/mig/gi5/access",
      "/proc/driver/nvidia/capabilities/gpu0/mig/gi5/ci0/access",
      "/dev/nvidia-caps/nvidia-cap48",
      "/dev/nvidia-caps/nvidia-cap49",
      "",
    ]);
  });

  test("takes all global options, most of which change nothing", () => {
    const options = ["-knu", "--user=root:root", "--ldcache=/x", "--no-create-imex-channels"];
    expect(run("h100x8", [...options, "list", "--ipcs"])).toEqual({
      code: 0,
      out: `${join(folder, "h100x8")}/run/nvidia-persistenced/socket\n`,
      err: "",
    });
  });
});
