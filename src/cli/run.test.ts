import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BerthError } from "../base/index.ts";
import { PROFILES, simUp } from "../sim/index.ts";
import { runCli } from "./index.ts";

const work = mkdtempSync(join(tmpdir(), "berth-cli-"));
const folderOf = (profile: string) => join(work, profile);
beforeAll(() => {
  for (const { name } of PROFILES) simUp(folderOf(name), name, { executable: "/opt/berth/berth", standIns: true });
});
afterAll(() => rmSync(work, { recursive: true, force: true }));

/** Runs berth in this process; what it printed and noted, and what it threw. */
async function berth(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  let out = "";
  let notes = "";
  const surroundings = {
    print: (text: string) => void (out += text),
    note: (text: string) => void (notes += text),
    env: (name: string) => env[name],
  };
  try {
    return { code: await runCli(args, undefined, surroundings), out, notes, error: undefined };
  } catch (error) {
    return { code: undefined, out, notes, error };
  }
}

const host = (profile: string, ...args: string[]) => berth(["--root", folderOf(profile), "host", ...args]);

function makeBundle(name: string, devices: string): string {
  const bundle = join(work, name);
  mkdirSync(join(bundle, "rootfs/etc"), { recursive: true });
  const env = [`NVIDIA_VISIBLE_DEVICES=${devices}`];
  writeFileSync(
    join(bundle, "config.json"),
    JSON.stringify({ ociVersion: "1.1.0", process: { env }, root: { path: "rootfs" } }),
  );
  return bundle;
}

const inspect = (bundle: string, ...args: string[]) =>
  berth(["--root", folderOf("h100x8"), "inspect", "--bundle", bundle, ...args]);

test("berth alone prints the help and is done", async () => {
  const { code, out } = await berth([]);
  expect(code).toBe(0);
  for (const word of ["host", "inspect", "sim", "version", "--root"]) expect(out).toContain(word);
});

test.each([
  [["hots"], "did you mean `host`"],
  [["host", "--jsn"], "did you mean --json"],
  [["sim", "up"], "DIR; Expected input for flag --profile"],
  [["inspect"], "--bundle"],
  [["host", "extra"], "extra"],
  [["--root"], "--root has no folder"],
])("wrong usage %j is one problem with a hint, and nothing is printed", async (args, why) => {
  const { out, notes, error } = await berth(args);
  // Read first: Bun's toMatchObject puts a matcher in the place of an error's message.
  const message = error instanceof BerthError ? error.message : "";
  expect(message).toContain(why);
  expect(message).not.toContain("\n");
  expect(error).toMatchObject({ code: "BERTH-U001", remedy: expect.stringContaining("berth") });
  expect(out + notes).toBe("");
});

test("berth host --json has index, minor, uuid, bus and model of every GPU", async () => {
  const { gpus } = JSON.parse((await host("rtx4090x2", "--json")).out);
  const profile = PROFILES.find(({ name }) => name === "rtx4090x2");
  const expected = profile?.gpus.map(({ minor, uuid, bus, model }, index) => ({ index, minor, uuid, bus, model }));
  expect(gpus).toMatchObject(expected ?? []);
  expect(gpus).toHaveLength(2);
});

test("berth host --json says null for a UUID that is not known, and the table says how it is learnt", async () => {
  const { gpus } = JSON.parse((await host("h100x8-uuid-unknown", "--json")).out);
  expect(gpus.map(({ uuid }: { uuid: unknown }) => uuid)).toEqual(Array(8).fill(null));
  expect((await host("h100x8-uuid-unknown")).out).toContain('run "berth host" as root');
});

test("berth host lists each MIG device below its GPU", async () => {
  const { out } = await host("a100x8-mig");
  const parts = PROFILES.find(({ name }) => name === "a100x8-mig")?.gpus.flatMap(({ mig }) => mig ?? []) ?? [];
  expect(out.split("\n").filter((line) => /^\d:.*MIG .*, gi\d+ ci\d+/.test(line))).toHaveLength(parts.length);
});

test("berth host says it when there is no driver", async () => {
  expect((await host("none")).out).toMatch(
    /^No GPU can be given: the NVIDIA driver is not loaded.*\nRemedy: modprobe nvidia.*\n$/,
  );
  expect(JSON.parse((await host("none", "--json")).out)).toMatchObject({ driver: null, gpus: [] });
});

test("BERTH_ROOT names the host, --root wins over it, and an empty one counts for nothing", async () => {
  const rootOf = async (args: string[], env: Record<string, string>): Promise<unknown> => {
    const described: { root: unknown } = JSON.parse((await berth([...args, "host", "--json"], env)).out);
    return described.root;
  };
  expect(await rootOf([], { BERTH_ROOT: folderOf("h100x8") })).toBe(folderOf("h100x8"));
  expect(await rootOf(["--root", folderOf("none")], { BERTH_ROOT: folderOf("h100x8") })).toBe(folderOf("none"));
  const config = join(folderOf("rtx4090x2"), "etc/nvidia-container-runtime/config.toml");
  expect(await rootOf([], { BERTH_ROOT: "", NVIDIA_CTK_CONFIG_FILE_PATH: config })).toBe(folderOf("rtx4090x2"));
});

test("a root that does not exist is refused, and is not made", async () => {
  const root = join(work, "missing");
  expect((await berth(["--root", root, "host"])).error).toMatchObject({ code: "BERTH-D004" });
  expect(existsSync(root)).toBe(false);
});

test("berth inspect names what a container would get and why, and changes nothing", async () => {
  const bundle = makeBundle("two", "0,3");
  const before = readFileSync(join(bundle, "config.json"), "utf8");
  const { code, out } = await inspect(bundle, "--json");
  const { kind, gpus, steps } = JSON.parse(out);
  expect([code, kind]).toEqual([0, "planned"]);
  expect(gpus.map(({ index }: { index: number }) => index)).toEqual([0, 3]);
  expect(gpus[0].reason).toBe("NVIDIA_VISIBLE_DEVICES=0,3");
  expect(new Set(steps.map((step: { kind: string }) => step.kind))).toEqual(
    new Set(["device", "mount", "link", "cache", "env", "file"]),
  );
  expect(steps.every(({ reason }: { reason: string }) => reason !== "")).toBe(true);
  expect(readFileSync(join(bundle, "config.json"), "utf8")).toBe(before);
  expect(readdirSync(join(bundle, "rootfs/etc"))).toEqual([]);
  expect(readdirSync(join(folderOf("h100x8"), "run/berth"))).toEqual([]);
});

test("berth inspect for people lists nodes, libraries and the variable", async () => {
  const { out } = await inspect(makeBundle("one", "1"));
  for (const text of ["/dev/nvidia1", "/dev/nvidiactl", "libcuda.so.1", "NVIDIA_VISIBLE_DEVICES=GPU-"])
    expect(out).toContain(text);
});

test("berth inspect of a container that asks for nothing says that its config.json stays", async () => {
  expect((await inspect(makeBundle("void", "void"))).out).toContain("would stay as it is");
});

test("berth inspect fails on a refusal, which its JSON holds, too", async () => {
  const { out, error } = await inspect(makeBundle("nine", "9"), "--json");
  expect(error).toMatchObject({ code: "BERTH-R001" });
  expect(JSON.parse(out)).toMatchObject({ kind: "refused", problem: { code: "BERTH-R001" } });
});

test("berth inspect of no bundle is the bundle's error", async () => {
  expect((await inspect(join(work, "nowhere"))).error).toMatchObject({ code: "BERTH-S001" });
});

test("berth sim makes a host, upgrades it, and takes it away", async () => {
  const dir = join(work, "made");
  expect((await berth(["sim", "up", dir, "--profile", "rtx4090x2", "--stand-ins"])).code).toBe(0);
  expect((await berth(["sim", "upgrade", dir, "--driver", "575.57.08"])).code).toBe(0);
  expect((await berth(["--root", dir, "host"])).out).toContain("Driver 575.57.08");
  expect((await berth(["sim", "down", dir])).code).toBe(0);
  expect(existsSync(dir)).toBe(false);
});

test("berth sim profiles lists every profile", async () => {
  const { out } = await berth(["sim", "profiles"]);
  for (const { name, summary } of PROFILES)
    expect(out).toMatch(new RegExp(`^${name} +${RegExp.escape(summary)}$`, "m"));
});

test("what a command throws reaches the caller with its own code", async () => {
  expect((await berth(["sim", "down", join(work, "nowhere")])).error).toMatchObject({ code: "BERTH-M002" });
});
