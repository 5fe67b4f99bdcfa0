import { afterAll, describe, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { simUp, simUpgrade } from "../../sim/index.ts";
import type { World } from "../context.ts";
import { runCli } from "../index.ts";
import { keepRefreshed } from "./refresh-watch.ts";

const work = mkdtempSync(join(tmpdir(), "berth-cli-refresh-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

let count = 0;
function up(profile: string): string {
  return simUp(join(work, String((count += 1))), profile, { executable: "/opt/berth/berth", standIns: true }).dir;
}

async function refresh(root: string, ...args: readonly string[]) {
  let out = "";
  let notes = "";
  const surroundings = {
    print: (text: string) => void (out += text),
    note: (text: string) => void (notes += text),
    env: () => undefined,
  };
  try {
    return {
      code: await runCli(["--root", root, "cdi", "refresh", ...args], undefined, surroundings),
      out,
      notes,
      error: undefined,
    };
  } catch (error) {
    return { code: undefined, out, notes, error };
  }
}

const fileOf = (root: string) => join(root, "var/run/cdi/nvidia.yaml");
const versionOf = (root: string) => join(root, "proc/driver/nvidia/version");

describe("berth cdi refresh", () => {
  test("writes the file, and leaves it and its time alone while nothing changes", async () => {
    const root = up("rtx4090x2");
    const first = await refresh(root);
    expect(first).toMatchObject({
      code: 0,
      out: "",
      notes: `Wrote "${fileOf(root)}" for driver 570.124.06: CDI 0.5.0, 11 names of devices\n`,
    });
    const long = new Date(1_000_000_000_000);
    utimesSync(fileOf(root), long, long);
    const { code, notes } = await refresh(root);
    expect([code, notes]).toEqual([
      0,
      `"${fileOf(root)}" is right already for driver 570.124.06: CDI 0.5.0, 11 names of devices\n`,
    ]);
    expect(statSync(fileOf(root)).mtime).toEqual(long);
  });

  test("writes it anew after a driver upgrade, with nothing of the old driver", async () => {
    const root = up("rtx4090x2");
    await refresh(root);
    simUpgrade(root, "575.57.08");
    expect((await refresh(root)).notes).toStartWith("Wrote ");
    const text = readFileSync(fileOf(root), "utf8");
    expect(text).toContain("libcuda.so.575.57.08");
    expect(text).not.toContain("570.124.06");
  });

  test("writes what the flags choose, and where", async () => {
    const root = up("rtx4090x2");
    const output = join(root, "a/b/own.json");
    const flags = [
      "--output",
      output,
      "--vendor",
      "example.com",
      "--class",
      "card",
      "--device-name-strategy",
      "type-index",
      "--hook-path",
      "/x/nvidia-cdi-hook",
      "--no-any",
    ];
    expect((await refresh(root, ...flags)).code).toBe(0);
    expect(JSON.parse(readFileSync(output, "utf8"))).toMatchObject({
      kind: "example.com/card",
      devices: [{ name: "all" }, { name: "gpu0" }, { name: "gpu1" }],
    });
  });

  test("names devices that leave open which GPU, unless that is not wanted", async () => {
    const root = up("rtx4090x2");
    const named = (): readonly string[] => {
      return [...readFileSync(fileOf(root), "utf8").matchAll(/^ *-? *name: "?([\w:-]+)"?$/gm)].map(
        ([, name = ""]) => name,
      );
    };
    await refresh(root);
    expect(named().filter((name) => /^a[nu]/.test(name))).toEqual([
      "any",
      "any:1",
      "any:2",
      "auto",
      "auto:1",
      "auto:2",
    ]);
    await refresh(root, "--no-any");
    expect(named().filter((name) => /^a[nu]/.test(name))).toEqual([]);
    expect(named()).toHaveLength(5);
  });

  test("on a host without a GPU removes its own file, and is no failure", async () => {
    const root = up("rtx4090x2");
    await refresh(root);
    rmSync(versionOf(root));
    const removed = await refresh(root);
    expect([removed.code, existsSync(fileOf(root))]).toEqual([0, false]);
    expect(removed.notes).toMatch(
      /^Removed .*, whose names are no longer true: .*the NVIDIA driver is not loaded.*\n$/,
    );
    expect(await refresh(root)).toMatchObject({ code: 0, notes: expect.stringMatching(/^Nothing to do: /) });
    expect(await refresh(up("none"))).toMatchObject({ code: 0, notes: expect.stringMatching(/^Nothing to do: /) });
  });

  test.each([
    "kind: {",
    "cdiVersion: 0.5.0\nkind: a.b/c\ndevices:\n  - name: x\n    containerEdits:\n      env: [A=b]\n",
  ])("on a host without a GPU leaves a file alone that is not berth's: %j", async (text) => {
    const root = up("none");
    mkdirSync(dirname(fileOf(root)), { recursive: true });
    writeFileSync(fileOf(root), text);
    expect(await refresh(root)).toMatchObject({
      code: 0,
      notes: expect.stringMatching(/^Left ".*" alone, which berth has not made: /),
    });
    expect(readFileSync(fileOf(root), "utf8")).toBe(text);
  });

  test("fails on a driver that is half installed, and leaves the file as it was", async () => {
    const root = up("rtx4090x2");
    await refresh(root);
    const before = readFileSync(fileOf(root), "utf8");
    for (const name of new Bun.Glob("usr/lib64/libcuda.so.5*").scanSync({ cwd: root })) rmSync(join(root, name));
    expect((await refresh(root)).error).toMatchObject({ code: "BERTH-D002" });
    expect(readFileSync(fileOf(root), "utf8")).toBe(before);
  });

  test("is BERTH-F004 where the file cannot be written", async () => {
    const root = up("rtx4090x2");
    writeFileSync(join(root, "file"), "");
    expect((await refresh(root, "--output", join(root, "file/nvidia.yaml"))).error).toMatchObject({
      code: "BERTH-F004",
      remedy: expect.stringContaining("--output"),
    });
  });

  test("many at once leave one whole file and nothing beside it", async () => {
    const root = up("rtx4090x2");
    const one = () =>
      Bun.spawn([process.execPath, join(import.meta.dir, "../../main.ts"), "--root", root, "cdi", "refresh"], {
        stderr: "pipe",
      });
    const running = [one(), one(), one()];
    simUpgrade(root, "575.57.08");
    const last = [one(), one()];
    expect(await Promise.all([...running, ...last].map(({ exited }) => exited.then((code) => code === 0)))).toContain(
      true,
    );
    await refresh(root);
    expect(readdirSync(dirname(fileOf(root)))).toEqual(["nvidia.yaml"]);
    expect(readFileSync(fileOf(root), "utf8")).not.toContain("570.124.06");
  }, 30_000);
});

describe("berth cdi refresh --watch", () => {
  /** Watches a host until `work` is done; what was noted, line by line. */
  async function watching(root: string, run: (notes: readonly string[]) => Promise<void>): Promise<readonly string[]> {
    const notes: string[] = [];
    const stop = new AbortController();
    const world: World = {
      process: { stdout: { write: () => {} }, stderr: { write: () => {} } },
      namedRoot: root,
      env: () => undefined,
      executable: process.execPath,
      configSlot: undefined,
      print: () => {},
      note: (text) => void notes.push(text),
    };
    const ended = keepRefreshed(world, {}, { stop: stop.signal, tickMs: 50, quietMs: 10 });
    await run(notes);
    stop.abort();
    await ended;
    return notes;
  }

  async function until(isDone: () => boolean): Promise<void> {
    for (let waited = 0; !isDone(); waited += 20) {
      if (waited > 10_000) throw new Error("not within 10 s");
      await Bun.sleep(20);
    }
  }

  test("writes the file anew at each change, a line each, and ends when it is told to", async () => {
    const root = up("rtx4090x2");
    const notes = await watching(root, async () => {
      await until(() => existsSync(fileOf(root)));
      await Bun.sleep(200);
      simUpgrade(root, "575.57.08");
      await until(() => readFileSync(fileOf(root), "utf8").includes("575.57.08"));
      await Bun.sleep(200);
      rmSync(fileOf(root));
      await until(() => existsSync(fileOf(root)));
      await Bun.sleep(200);
    });
    expect(notes[0]).toStartWith(`Wrote "${fileOf(root)}" for driver 570.124.06`);
    expect(notes.at(-1)).toStartWith(`Wrote "${fileOf(root)}" for driver 575.57.08`);
    expect(notes.every((line) => line.startsWith("Wrote "))).toBe(true);
    expect(readFileSync(fileOf(root), "utf8")).not.toContain("570.124.06");
  }, 30_000);

  test("removes the file with the driver, and makes it when the driver is back", async () => {
    const root = up("rtx4090x2");
    const notes = await watching(root, async () => {
      await until(() => existsSync(fileOf(root)));
      renameSync(versionOf(root), join(root, "kept"));
      await until(() => !existsSync(fileOf(root)));
      renameSync(join(root, "kept"), versionOf(root));
      await until(() => existsSync(fileOf(root)));
    });
    expect(notes.map((line) => line.split(" ")[0])).toEqual(["Wrote", "Removed", "Wrote"]);
  }, 30_000);

  test("warns once of a driver that is half installed, and goes on", async () => {
    const root = up("rtx4090x2");
    const library = join(root, [...new Bun.Glob("usr/lib64/libcuda.so.5*").scanSync({ cwd: root })][0] ?? "none");
    const notes = await watching(root, async (lines) => {
      await until(() => existsSync(fileOf(root)));
      renameSync(library, join(root, "kept"));
      await until(() => lines.length > 1);
      await Bun.sleep(400);
      renameSync(join(root, "kept"), library);
      await until(() => lines.length > 2);
    });
    expect(notes).toEqual([
      expect.stringMatching(/^Wrote /),
      expect.stringMatching(/^warning: BERTH-D002: .*no longer exists.*remedy: /),
      expect.stringMatching(/ is right already /),
    ]);
  }, 30_000);
});
