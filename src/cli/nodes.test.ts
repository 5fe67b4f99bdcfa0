import { afterAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BerthError, runProgram } from "../base/index.ts";
import { planCharLinks, planDeviceNodes } from "../host/index.ts";
import { splitDeviceNumber } from "../linux/index.ts";
import { simUp } from "../sim/index.ts";
import { runCli } from "./index.ts";

const work = mkdtempSync(join(tmpdir(), "berth-cli-nodes-"));
afterAll(() => {
  rmSync(work, { recursive: true, force: true });
}, 60_000);

let count = 0;
/** A simulated host and `berth nodes` about it. */
function makeHost(profile: string) {
  const { dir } = simUp(join(work, String((count += 1))), profile, { executable: "/opt/berth/berth" });
  const nodes = async (...args: readonly string[]) => {
    let out = "";
    let notes = "";
    const print = (text: string): void => void (out += text.replaceAll(dir, ""));
    const note = (text: string): void => void (notes += text.replaceAll(dir, ""));
    try {
      const code = await runCli(["--root", dir, "nodes", ...args], undefined, { print, note, env: () => undefined });
      return { code, out, notes, problem: undefined };
    } catch (error) {
      const { code, message, remedy } = BerthError.from(error);
      return { code: 1, out, notes, problem: `${code}: ${message}; remedy: ${remedy}`.replaceAll(dir, "") };
    }
  };
  return { dir, nodes };
}

/** Everything below /dev: nodes with numbers, mode and owner, links with what they say. */
function listDev(dir: string): Readonly<Record<string, string>> {
  const names = readdirSync(join(dir, "dev"), { recursive: true, encoding: "utf8" }).toSorted();
  return Object.fromEntries(
    names.map((name) => {
      const path = join(dir, "dev", name);
      const stat = lstatSync(path);
      if (stat.isSymbolicLink()) return [name, `-> ${readlinkSync(path)}`];
      const { major, minor } = splitDeviceNumber(stat.rdev);
      return [name, `${(stat.mode & 0o7777).toString(8)} ${stat.uid}:${stat.gid} ${major}:${minor}`];
    }),
  );
}

const DONE = { code: 0, out: "", notes: "", problem: undefined };

describe.skipIf(process.geteuid?.() !== 0)("berth nodes", () => {
  test.each(["h100x8", "a100x8-mig"])(
    "on %s makes again what was removed, just as it was, and then nothing more",
    async (profile) => {
      const { dir, nodes } = makeHost(profile);
      const before = listDev(dir);
      expect(await nodes()).toEqual(DONE);
      for (const name of readdirSync(join(dir, "dev")))
        if (name.startsWith("nvidia")) rmSync(join(dir, "dev", name), { recursive: true });
      for (const name of readdirSync(join(dir, "dev/char")))
        if (!name.startsWith("226:")) rmSync(join(dir, "dev/char", name));
      const planned = await nodes("--dry-run");
      expect(Object.keys(listDev(dir)).some((name) => name.startsWith("nvidia"))).toBe(false);
      const { code, out, notes } = await nodes();
      expect([code, notes]).toEqual([0, ""]);
      expect(listDev(dir)).toEqual(before);
      expect(planned.out.replaceAll("would make", "made").replaceAll("would link", "linked")).toBe(out);
      expect(out).toContain("made /dev/nvidia3 (195:3, mode 0666, owner 0:0)\n");
      expect(out).toContain("linked /dev/char/195:3 -> ../nvidia3\n");
      expect(await nodes()).toEqual(DONE);
    },
  );

  test("--links leaves the nodes alone, and makes no link to one that is not there", async () => {
    const { dir, nodes } = makeHost("h100x1");
    rmSync(join(dir, "dev/char"), { recursive: true });
    rmSync(join(dir, "dev/nvidia0"));
    const { out } = await nodes("--links");
    expect(out).toContain("linked /dev/char/195:255 -> ../nvidiactl\n");
    expect(out).not.toContain("nvidia0");
    expect(readdirSync(join(dir, "dev"))).not.toContain("nvidia0");
  });

  test("mode and owner become those that the driver wants, unless it leaves its nodes to others", async () => {
    const { dir, nodes } = makeHost("h100x1");
    const params = join(dir, "proc/driver/nvidia/params");
    const text = readFileSync(params, "utf8")
      .replace("DeviceFileMode: 438", "DeviceFileMode: 432")
      .replace("GID: 0", "GID: 44");
    writeFileSync(params, text.replace("ModifyDeviceFiles: 1", "ModifyDeviceFiles: 0"));
    expect(await nodes()).toEqual(DONE);
    rmSync(join(dir, "dev/nvidia0"));
    expect((await nodes()).problem).toBe(
      'BERTH-N003: Cannot make the device node "/dev/nvidia0": the driver does not let programs make its nodes (ModifyDeviceFiles: 0 in its parameters); ' +
        "remedy: have udev make it, or load the driver with NVreg_ModifyDeviceFiles=1",
    );
    writeFileSync(params, text);
    const { out } = await nodes();
    expect(out).toContain("made /dev/nvidia0 (195:0, mode 0660, owner 0:44)\n");
    expect(out).toContain("mended /dev/nvidiactl (195:255, mode 0660, owner 0:44)\n");
    expect(listDev(dir)).toMatchObject({
      nvidia0: "660 0:44 195:0",
      "nvidia-uvm": expect.stringMatching(/^660 0:44 /),
    });
    expect(await nodes()).toEqual(DONE);
  });

  test("what is in a node's place stays, is an error with its remedy, and keeps nothing else from being made", async () => {
    const { dir, nodes } = makeHost("h100x8");
    const outside = join(work, "outside");
    writeFileSync(outside, "mine", { mode: 0o600 });
    for (const name of ["nvidia0", "nvidia1", "nvidia2", "nvidia3"]) rmSync(join(dir, "dev", name));
    writeFileSync(join(dir, "dev/nvidia0"), "a file");
    symlinkSync(outside, join(dir, "dev/nvidia1"));
    runProgram(["mknod", join(dir, "dev/nvidia2"), "c", "195", "7"]);
    const { code, out, notes, problem } = await nodes();
    expect(code).toBe(1);
    expect(out).toContain("made /dev/nvidia3 (");
    expect(problem).toBe(
      'BERTH-N002: Cannot make the device node "/dev/nvidia0" (195:0): a regular file is in its place; remedy: look at it, take it away, and try again: rm -d /dev/nvidia0',
    );
    expect(notes).toContain(`a link to "${outside}" is in its place`);
    expect(notes).toContain("the device 195:7 is in its place");
    expect([readFileSync(join(dir, "dev/nvidia0"), "utf8"), readlinkSync(join(dir, "dev/nvidia1"))]).toEqual([
      "a file",
      outside,
    ]);
    expect(listDev(dir)["nvidia2"]).toEndWith(" 195:7");
    expect([readFileSync(outside, "utf8"), lstatSync(outside).mode & 0o777]).toEqual(["mine", 0o600]);
  });

  test("links that lead elsewhere or nowhere are replaced; what is no link stays", async () => {
    const { dir, nodes } = makeHost("h100x8");
    const char = (number: string): string => join(dir, "dev/char", number);
    for (const number of ["195:0", "195:1", "195:2"]) rmSync(char(number));
    symlinkSync("../nvidia5", char("195:0"));
    symlinkSync("/nowhere", char("195:1"));
    writeFileSync(char("195:2"), "a file");
    const { code, out, problem } = await nodes();
    expect([code, out]).toEqual([1, "linked /dev/char/195:0 -> ../nvidia0\nlinked /dev/char/195:1 -> ../nvidia1\n"]);
    expect(problem).toStartWith(
      'BERTH-N004: Cannot make the link "/dev/char/195:2" -> "../nvidia2": something that is no link is there',
    );
    expect(readFileSync(char("195:2"), "utf8")).toBe("a file");
  });

  test("a link in the place of a folder leads no further than the root", async () => {
    const { dir, nodes } = makeHost("a100x8-mig");
    const outside = join(work, "elsewhere");
    mkdirSync(outside);
    for (const name of ["nvidia-caps", "char"]) {
      rmSync(join(dir, "dev", name), { recursive: true });
      symlinkSync(outside, join(dir, "dev", name));
    }
    expect((await nodes()).code).toBe(1);
    expect(readdirSync(outside)).toEqual([]);
  });

  test("what a run left that was killed before its rename is gone with the next", async () => {
    const { dir, nodes } = makeHost("h100x1");
    const dead = runProgram(["sh", "-c", "echo $$"]);
    const name = `.berth-${Buffer.from(dead.stdout).toString().trim()}`;
    runProgram(["mknod", join(dir, "dev", name), "c", "195", "0"]);
    symlinkSync("../nvidia0", join(dir, "dev/char", name));
    rmSync(join(dir, "dev/nvidia0"));
    rmSync(join(dir, "dev/char/195:0"));
    symlinkSync("../nvidiactl", join(dir, "dev/char/195:0"));
    expect((await nodes()).code).toBe(0);
    expect(Object.keys(listDev(dir)).filter((each) => each.includes(".berth-"))).toEqual([]);
  });

  test.each(["nvidia7", "char/195:3"])(
    "killed when %s is just there, it leaves nodes and links that are whole, and the next run does the rest",
    async (name) => {
      const { dir, nodes } = makeHost("a100x16-mig112");
      const before = listDev(dir);
      for (const each of Object.keys(before))
        if (/^(?:nvidia|char\/(?!226:))/.test(each)) rmSync(join(dir, "dev", each), { recursive: true, force: true });
      const child = Bun.spawn([process.execPath, "run", join(import.meta.dir, "../main.ts"), "--root", dir, "nodes"], {
        stdout: "ignore",
      });
      while (!existsSync(join(dir, "dev", name)) && child.exitCode === null) await Bun.sleep(0);
      child.kill("SIGKILL");
      await child.exited;
      const left = Object.entries(listDev(dir)).filter(([each]) => !each.includes(".berth-"));
      expect(left.filter(([each, what]) => before[each] !== what)).toEqual([]);
      expect((await nodes()).code).toBe(0);
      expect(listDev(dir)).toEqual(before);
    },
    30_000,
  );

  test("without nvidia-uvm its nodes cannot be made: a warning names the module", async () => {
    const { dir, nodes } = makeHost("h100x1");
    const devices = join(dir, "proc/devices");
    writeFileSync(devices, readFileSync(devices, "utf8").replace(/^.*nvidia-uvm\n/m, ""));
    rmSync(join(dir, "dev/nvidia0"));
    expect(await nodes()).toMatchObject({
      code: 0,
      notes:
        'warning: the kernel module "nvidia-uvm" is not loaded, so its device nodes cannot be made; remedy: berth nodes --load-modules\n',
    });
  });

  test("a /dev that is read-only is an error that says how to mend it", async () => {
    const { dir, nodes } = makeHost("h100x1");
    const dev = join(dir, "dev");
    runProgram(["mount", "--bind", dev, dev]);
    rmSync(join(dev, "nvidia0"));
    runProgram(["mount", "-o", "remount,bind,ro", dev]);
    const { code, out, problem } = await nodes();
    runProgram(["umount", "--lazy", dev]);
    expect([code, out]).toEqual([1, ""]);
    expect(problem).toBe(
      'BERTH-N001: Cannot make the device node "/dev/nvidia0": the file system is read-only (EROFS); remedy: mount -o remount,rw /dev',
    );
  });

  test("who is not root is told so", () => {
    const { dir } = makeHost("h100x1");
    rmSync(join(dir, "dev/nvidia0"));
    chmodSync(work, 0o755);
    const script = `import { BerthError } from ${JSON.stringify(join(import.meta.dir, "../base/index.ts"))};
      import { makeDeviceNodes, planDeviceNodes } from ${JSON.stringify(join(import.meta.dir, "../host/index.ts"))};
      process.setgid(65534);
      process.setuid(65534);
      const root = ${JSON.stringify(dir)};
      console.log(JSON.stringify(makeDeviceNodes(root, planDeviceNodes(root).nodes)));`;
    const { stdout } = runProgram([process.execPath, "-e", script]);
    const { done, problems } = JSON.parse(Buffer.from(stdout).toString());
    expect(done).toEqual([]);
    expect(problems).toMatchObject([
      { code: "BERTH-N001", remedy: "run it as root of the machine, outside of containers" },
    ]);
  });

  test("--json says what was done, and what was there before", async () => {
    const { dir, nodes } = makeHost("h100x1");
    rmSync(join(dir, "dev/nvidia0"));
    rmSync(join(dir, "dev/char/195:0"));
    const { code, out } = await nodes("--json");
    expect(code).toBe(0);
    expect(JSON.parse(out)).toEqual({
      loaded: [],
      nodes: [{ path: "/dev/nvidia0", major: 195, minor: 0, mode: 0o666, uid: 0, gid: 0, was: "missing" }],
      links: [{ path: "/dev/char/195:0", target: "../nvidia0", was: "missing" }],
      problems: [],
      warnings: [],
    });
    const { nodes: planned } = planDeviceNodes(dir);
    expect(planCharLinks(dir, planned).every(({ state }) => state.kind === "there")).toBe(true);
  });
});
