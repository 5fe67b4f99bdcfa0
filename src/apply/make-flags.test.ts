import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig } from "../config/index.ts";
import { simUp } from "../sim/index.ts";
import { formatFlags, type DockerFlags } from "./docker-flags.ts";
import { makeFlags, type FlagsInput } from "./make-flags.ts";

/*
 * Whole outputs, to be read in review. `BERTH_UPDATE_GOLDEN=1 bun test src/apply/make-flags.test.ts` writes them anew.
 */
const GOLDEN = join(import.meta.dir, "../../testdata/flags");

const folder = mkdtempSync(join(tmpdir(), "berth-flags-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function hostOf(profile: string, name = profile): string {
  const dir = join(folder, name);
  if (!existsSync(dir)) simUp(dir, profile, { executable: "/usr/bin/berth" });
  return dir;
}

type Choice = Partial<Omit<FlagsInput, "root" | "config">>;

function flagsOf(root: string, choice: Choice): Promise<DockerFlags> {
  return makeFlags({
    root,
    config: loadConfig({ get: () => undefined }, join(root, "etc/nvidia-container-runtime/config.toml")),
    gpus: "all",
    capabilities: "",
    libraryFolder: "/usr/local/nvidia/lib64",
    engine: "docker",
    executable: process.execPath,
    ...choice,
  });
}

/** The values of one option, the host's root written as /HOST. */
async function valuesOf(option: string, profile: string, choice: Choice): Promise<readonly string[]> {
  const root = hostOf(profile);
  const { words } = await flagsOf(root, choice);
  return words.flatMap((word, at) => (words[at - 1] === option ? [word.replaceAll(root, "/HOST")] : []));
}

const nodes = async (profile: string, choice: Choice): Promise<readonly string[]> => {
  const values = await valuesOf("--device", profile, choice);
  return values.map((value) => value.split(":")[1] ?? "");
};

const CASES: readonly (readonly [file: string, profile: string, choice: Choice])[] = [
  ["h100x8", "h100x8", { gpus: "0,3" }],
  ["a100x8-mig", "a100x8-mig", { gpus: "2,0:1", engine: "podman" }],
  ["l40s-graphics", "l40s-graphics", { gpus: "1", capabilities: "all", libraryFolder: "/usr/lib64" }],
  ["wsl", "wsl", {}],
  ["orin-csv", "orin-csv", {}],
];

describe.skipIf(process.geteuid?.() !== 0)("makeFlags", () => {
  for (const [file, profile, choice] of CASES) {
    test(`gives the options for ${profile} with ${JSON.stringify(choice)} as reviewed`, async () => {
      const root = hostOf(profile);
      const shown = formatFlags(await flagsOf(root, choice), false).replaceAll(root, "/HOST");
      const path = join(GOLDEN, `${file}.txt`);
      if (process.env["BERTH_UPDATE_GOLDEN"] !== undefined) {
        mkdirSync(GOLDEN, { recursive: true });
        writeFileSync(path, shown);
      }
      expect(shown).toBe(readFileSync(path, "utf8"));
    });
  }

  const CONTROL = ["/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools"];
  test.each([
    ["none", "", CONTROL],
    ["5", "", [...CONTROL, "/dev/nvidia5"]],
    ["5", "utility", ["/dev/nvidiactl", "/dev/nvidia5"]],
    ["0000:1b:00.0, 2,2", "utility", ["/dev/nvidiactl", "/dev/nvidia0", "/dev/nvidia2"]],
    ["nvidia.com/gpu=1", "utility", ["/dev/nvidiactl", "/dev/nvidia1"]],
  ])("gives the nodes of %p with the capabilities %p", async (gpus, capabilities, expected) => {
    expect(await nodes("h100x8", { gpus, capabilities })).toEqual(expected);
  });

  test("finds a GPU and a MIG device by the UUIDs that only the driver says", async () => {
    const { profile } = simUp(join(folder, "unknown"), "h100x8-uuid-unknown", { executable: "/usr/bin/berth" });
    const uuid = profile.gpus.toSorted((a, b) => (a.bus < b.bus ? -1 : 1))[4]?.uuid ?? "";
    const { words } = await flagsOf(join(folder, "unknown"), { gpus: uuid, capabilities: "utility" });
    expect(words.filter((word) => /\/dev\/nvidia\d+:rw$/.test(word))).toEqual([
      `${join(folder, "unknown")}/dev/nvidia4:/dev/nvidia4:rw`,
    ]);
  });

  test("gives every node of a MIG device and its parent, and of no other", async () => {
    const given = await nodes("a100x8-mig", { gpus: "0:1", capabilities: "utility" });
    expect(given.filter((path) => /nvidia\d/.test(path))).toEqual(["/dev/nvidia0"]);
    expect(given.filter((path) => path.includes("-cap"))).toHaveLength(2);
  });

  test("gives nothing for void, and takes an unset variable for a mistake", async () => {
    expect(await flagsOf(hostOf("h100x8"), { gpus: "void" })).toEqual({ words: [], warnings: [] });
    expect(flagsOf(hostOf("h100x8"), { gpus: "" })).rejects.toMatchObject({ code: "BERTH-R002" });
  });

  test.each([
    [{ gpus: "9" }, "BERTH-R001"],
    [{ gpus: "first" }, "BERTH-R002"],
    [{ capabilities: "speed" }, "BERTH-R003"],
    [{ gpus: "vendor.com/class=x" }, "BERTH-R004"],
    [{ libraryFolder: "lib64" }, "BERTH-U001"],
    [{ libraryFolder: "/usr/../lib64" }, "BERTH-U001"],
    [{ libraryFolder: "/lib:/usr/lib" }, "BERTH-U001"],
  ])("refuses %j with %s", async (choice, code) => {
    expect(flagsOf(hostOf("h100x8"), choice)).rejects.toMatchObject({ code });
    expect(flagsOf(hostOf("none"), choice)).rejects.toThrow();
  });

  test("refuses for a shell, and not as words, a host whose path would be split", async () => {
    const made = await flagsOf(hostOf("h100x1", "with blank"), { gpus: "0" });
    expect(() => formatFlags(made, false)).toThrow(expect.objectContaining({ code: "BERTH-P005" }));
    expect(flagsOf(hostOf("h100x1", "a,b"), {})).rejects.toMatchObject({ code: "BERTH-P005" });
    expect(flagsOf(hostOf("h100x1", "a:b"), {})).rejects.toMatchObject({ code: "BERTH-P005" });
  });

  test("says what no option can do", async () => {
    const { warnings } = await flagsOf(hostOf("l40s-graphics"), { gpus: "0", capabilities: "graphics" });
    expect(warnings).toEqual([
      '"/dev/dri/by-path/pci-0000:27:00.0-card" is left out: no option of an engine makes a link',
      '"/dev/dri/by-path/pci-0000:27:00.0-render" is left out: no option of an engine makes a link',
      '"/etc/nvidia/nvidia-application-profiles-rc.d/10-container.conf" is left out: no option of an engine makes a file',
    ]);
  });

  test("gives the groups of nodes to a container; to one of a user's own those of the user", async () => {
    const groups = (engine: FlagsInput["engine"]) =>
      valuesOf("--group-add", "l40s-graphics", { capabilities: "graphics", engine });
    expect(await groups("docker")).toEqual(["44", "105"]);
    expect(await groups("podman")).toEqual(["44", "105"]);
    expect(await groups("rootless-podman")).toEqual(["keep-groups"]);
    expect(await valuesOf("--group-add", "h100x8", { engine: "rootless-podman" })).toEqual([]);
  });

  test.each([
    ["/usr/local/nvidia/lib64", "", ["/usr/local/nvidia/lib64"]],
    ["/usr/local/nvidia/lib64", "all", ["/usr/local/nvidia/lib64:/usr/local/nvidia/lib"]],
    ["/opt/driver", "", ["/opt/driver"]],
    ["/usr/lib/x86_64-linux-gnu", "all", []],
    ["/usr/lib64", "", []],
    ["/usr/lib", "", []],
  ])(
    "with the libraries in %s and the capabilities %p names the folders %j to the loader",
    async (libraryFolder, capabilities, expected) => {
      const env = await valuesOf("--env", "l40s-graphics", { libraryFolder, capabilities });
      const paths = env.flatMap((entry) => (entry.startsWith("LD_LIBRARY_PATH=") ? [entry.slice(16)] : []));
      expect(paths).toEqual(expected);
    },
  );

  test("mounts every name once, only for reading but for sockets", async () => {
    for (const [, profile, choice] of CASES) {
      const mounts = await valuesOf("--mount", profile, choice);
      const targets = mounts.map((mount) => /target=([^,]+)/.exec(mount)?.[1] ?? "");
      expect(targets).toEqual([...new Set(targets)]);
      for (const mount of mounts) expect(mount.endsWith(",readonly")).toBe(!mount.endsWith("/socket"));
    }
  });
});

describe("formatFlags", () => {
  const made: DockerFlags = { words: ["--device", "/dev/a:/dev/a:rw", "--env", "A=b"], warnings: [] };

  test("puts an option on each line, or all on one", () => {
    expect(formatFlags(made, false)).toBe("--device /dev/a:/dev/a:rw\n--env A=b\n");
    expect(formatFlags(made, true)).toBe("--device /dev/a:/dev/a:rw --env A=b\n");
    expect(formatFlags({ words: [], warnings: [] }, true)).toBe("");
  });

  test("refuses a word that a shell would split or expand", () => {
    for (const word of ["A=b c", "A=*", "A=$B", "A=`b`", "A=é", "A=b\n", "A='b'", "A=[b]", "A=~", ""]) {
      expect(() => formatFlags({ words: ["--env", word], warnings: [] }, false)).toThrow("for a shell");
    }
  });
});
