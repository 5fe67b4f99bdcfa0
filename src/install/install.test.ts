import { afterAll, expect, test } from "bun:test";
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
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { DROP_INS, PROGRAMS } from "../base/index.ts";
import { isLauncher } from "../linux/index.ts";
import { readLauncher } from "./embedded.ts";
import { findToolkit } from "./find-toolkit.ts";
import { install, type Installed } from "./install.ts";
import { layoutOf } from "./layout.ts";
import { packagingFiles } from "./packaging.ts";
import { planInstall } from "./plan.ts";
import { runSteps } from "./run-steps.ts";
import { uninstall } from "./uninstall.ts";

// In memory, where it is: each installed file is synced to its disk.
const work = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "berth-install-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

const layout = layoutOf("/usr/local");
const NOW = new Date("2026-03-04T05:06:07Z");
const BACKUP = "/usr/local/share/berth/replaced/2026-03-04T050607";

interface Wish {
  readonly version?: string;
  readonly asNvidia?: boolean;
  readonly hasNames?: boolean;
}

function steps(root: string, { version = "1", asNvidia = false, hasNames = true }: Wish = {}) {
  const entries = planInstall({
    layout,
    executable: Buffer.from(`executable ${version}`),
    launcher: readLauncher(),
    packaging: { ...packagingFiles(), "systemd/version.service": `[Unit]\nDescription=${version}\n` },
    manual: [{ file: "berth.1", text: version }],
    docs: { "setup.md": version },
    hasNames,
  });
  return install({ root, layout, entries, version, asNvidia, now: NOW });
}

const put = (root: string, wish?: Wish): Installed => runSteps(steps(root, wish), "Cannot install");
const take = (root: string) => runSteps(uninstall(root, layout), "Cannot uninstall");

let count = 0;

/** A machine that has something of its own in /usr/local and a unit. */
function machine(): string {
  const root = join(work, String((count += 1)));
  write(root, "/usr/local/bin/other", "other");
  write(root, "/etc/systemd/system/other.service", "other");
  return root;
}

function write(root: string, path: string, text: string, mode = 0o755): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
  chmodSync(join(root, path), mode);
}

/** Everything below a folder: path, mode, content. */
function state(root: string): string[] {
  const names = readdirSync(root, { recursive: true, encoding: "utf8" }).toSorted();
  return names.map((name) => {
    const path = join(root, name);
    const stats = lstatSync(path);
    const text = stats.isSymbolicLink() ? readlinkSync(path) : stats.isFile() ? Bun.hash(readFileSync(path)) : "folder";
    return `${name} ${stats.mode.toString(8)} ${text}`;
  });
}

const verdicts = ({ judged }: Installed) => [...new Set(judged.map(({ verdict }) => verdict))];

/** Does the first `count` steps of a work and stops, as a kill between two steps does. Whether it came to its end. */
function stopAfter(doing: Generator<string, unknown>, done: number): boolean {
  for (let step = 0; step <= done; step += 1) if (doing.next().done === true) return true;
  return false;
}

test("an installation has every program, started from the prefix, and uninstall leaves the machine as it was", () => {
  const root = machine();
  const before = state(root);
  put(root);
  for (const name of PROGRAMS) {
    for (const folder of ["/usr/local/bin", "/usr/local/lib/berth/bin"]) {
      const file = readFileSync(join(root, folder, name));
      expect(isLauncher(file)).toBe(true);
      expect(file.includes("BERTH-SLOT-EXECUTABLE-01/usr/local/lib/berth/berth\0")).toBe(true);
    }
  }
  expect(statSync(join(root, "/usr/local/lib/berth/berth")).mode & 0o777).toBe(0o755);
  take(root);
  expect(state(root)).toEqual(before);
});

test("everything in packaging is put where systemd, udev and the shells look, with the paths of the prefix", () => {
  const root = machine();
  put(root);
  const unit = readFileSync(join(root, "/etc/systemd/system/berth-cdi-refresh.service"), "utf8");
  expect(unit).toContain("ExecStart=/usr/local/bin/berth cdi refresh");
  const path = readFileSync(join(root, "/etc/systemd/system/berth-cdi-refresh.path"), "utf8");
  expect(path).toContain("PathChanged=/usr/local/lib/berth/berth");
  for (const file of [
    "/etc/udev/rules.d/60-berth-cdi.rules",
    "/usr/local/share/bash-completion/completions/berth",
    "/usr/local/share/zsh/site-functions/_berth",
    "/usr/local/share/fish/vendor_completions.d/berth.fish",
    "/usr/local/share/man/man1/berth.1",
  ])
    expect(readFileSync(join(root, file), "utf8")).not.toContain("/usr/bin/berth");
  const files = Object.keys(packagingFiles()).filter((file) => !file.startsWith("debian/"));
  const placed = put(root).judged.filter(({ entry }) => entry.part === "unit" || entry.part === "extra");
  // One unit, one page of the manual and one of the docs are this test's.
  expect(placed).toHaveLength(files.length + 3);
  expect(readFileSync(join(root, "/usr/local/share/doc/berth/setup.md"), "utf8")).toBe("1");
});

test("installing twice is installing once", () => {
  const root = machine();
  put(root);
  const before = state(root);
  expect([...steps(root)]).toEqual([]);
  expect(verdicts(put(root))).toEqual(["same"]);
  expect(state(root)).toEqual(before);
});

test("an upgrade replaces by rename what is other, so that a running executable keeps its file, and takes away what is no longer there", () => {
  const root = machine();
  const before = state(root);
  put(root, { version: "1" });
  const inode = (path: string) => statSync(join(root, path)).ino;
  const [executable, launcher] = ["/usr/local/lib/berth/berth", "/usr/local/bin/berth"].map(
    (path) => [path, inode(path)] as const,
  );
  const { gone } = put(root, { version: "2", hasNames: false });
  expect(inode(executable?.[0] ?? "")).not.toBe(executable?.[1] ?? 0);
  expect(inode(launcher?.[0] ?? "")).toBe(launcher?.[1] ?? 0);
  expect(readFileSync(join(root, "/usr/local/lib/berth/berth"), "utf8")).toBe("executable 2");
  expect(gone).toEqual(DROP_INS.map((name) => `/usr/local/bin/${name}`).toSorted());
  take(root);
  expect(state(root)).toEqual(before);
});

test("a file that the user changed stays, at the next installation and at its end, and is named", () => {
  const root = machine();
  put(root);
  const unit = "/etc/systemd/system/berth-cdi-refresh.service";
  write(root, unit, "mine", 0o644);
  expect(put(root, { version: "2" }).left.map(({ path }) => path)).toEqual([unit]);
  expect(take(root).left.map(({ path }) => path)).toEqual([unit]);
  expect(readFileSync(join(root, unit), "utf8")).toBe("mine");
  expect(existsSync(join(root, "/usr/local/share/berth"))).toBe(false);
});

test("a damaged executable is put right, with the mode that it had", () => {
  const root = machine();
  put(root);
  const before = state(root);
  write(root, "/usr/local/lib/berth/berth", "damaged", 0o777);
  put(root);
  expect(state(root)).toEqual(before);
});

test("somebody else's file in the way of berth is refused before anything is changed", () => {
  const root = machine();
  write(root, "/usr/local/bin/berth", "#!/bin/sh\n");
  const before = state(root);
  expect(() => put(root)).toThrow(
    expect.objectContaining({ code: "BERTH-I002", message: expect.stringContaining("/usr/local/bin/berth") }),
  );
  expect(state(root)).toEqual(before);
});

test("a toolkit is found in its usual folders, berth's own launchers are none", () => {
  const root = machine();
  expect(findToolkit(root, layout)).toEqual([]);
  put(root);
  expect(findToolkit(root, layout)).toEqual([]);
  write(root, "/usr/bin/nvidia-ctk", "peer");
  mkdirSync(join(root, "/usr/local/nvidia/toolkit"), { recursive: true });
  symlinkSync("nowhere", join(root, "/usr/local/nvidia/toolkit/nvidia-container-runtime"));
  expect(findToolkit(root, layout)).toEqual([
    "/usr/bin/nvidia-ctk",
    "/usr/local/nvidia/toolkit/nvidia-container-runtime",
  ]);
});

/** A machine with a toolkit where our names go: a program and a link. */
function withToolkit(): string {
  const root = machine();
  write(root, "/usr/local/bin/nvidia-container-runtime-hook", "peer");
  symlinkSync("nvidia-container-runtime-hook", join(root, "/usr/local/bin/nvidia-container-toolkit"));
  return root;
}

test("with --as-nvidia a toolkit's files are kept beside the manifest, and uninstall puts them back", () => {
  const root = withToolkit();
  const before = state(root);
  const { backups } = put(root, { asNvidia: true });
  expect(backups).toEqual([
    { path: "/usr/local/bin/nvidia-container-runtime-hook", backup: `${BACKUP}/nvidia-container-runtime-hook` },
    { path: "/usr/local/bin/nvidia-container-toolkit", backup: `${BACKUP}/nvidia-container-toolkit` },
  ]);
  expect(readFileSync(join(root, BACKUP, "nvidia-container-runtime-hook"), "utf8")).toBe("peer");
  expect(isLauncher(readFileSync(join(root, "/usr/local/bin/nvidia-container-toolkit")))).toBe(true);
  expect(put(root, { asNvidia: true, version: "2" }).backups).toEqual([]);
  expect(take(root).left).toEqual([]);
  expect(state(root)).toEqual(before);
});

test("without the names, what was replaced for them comes back", () => {
  const root = withToolkit();
  put(root, { asNvidia: true });
  put(root, { hasNames: false });
  expect(readFileSync(join(root, "/usr/local/bin/nvidia-container-toolkit"), "utf8")).toBe("peer");
  expect(existsSync(join(root, BACKUP))).toBe(false);
});

/** Before the manifest is there, and behind its end, there is nothing that an uninstall would know of. */
function takeIfThere(root: string): void {
  const hasManifest = existsSync(join(root, "/usr/local/share/berth/manifest.json"));
  if (hasManifest) expect(take(root).left).toEqual([]);
  else expect(() => take(root)).toThrow(expect.objectContaining({ code: "BERTH-I004" }));
}

const SCENES: readonly (readonly [string, () => string, (root: string) => void, Wish])[] = [
  ["a first installation", machine, () => {}, { version: "2" }],
  ["an upgrade", machine, (root: string) => void put(root, { version: "1" }), { version: "2" }],
  ["an installation over a toolkit", withToolkit, () => {}, { version: "2", asNvidia: true }],
  [
    "an upgrade without the names",
    withToolkit,
    (root: string) => void put(root, { asNvidia: true }),
    { version: "2", hasNames: false },
  ],
];

test.each(SCENES)(
  "%s that is killed after any step can be repeated, and taken away without a trace",
  (_, make, prepare, wish) => {
    for (let done = 0, isOver = false; !isOver; done += 1) {
      const [repeated, taken] = [make(), make()];
      const before = state(taken);
      for (const root of [repeated, taken]) prepare(root);
      isOver = stopAfter(steps(repeated, wish), done);
      stopAfter(steps(taken, wish), done);
      takeIfThere(taken);
      expect(state(taken)).toEqual(before);
      put(repeated, wish);
      take(repeated);
      expect(state(repeated)).toEqual(before);
      if (done === 0) expect(isOver).toBe(false);
    }
  },
  60_000,
);

test("at every step of an installation over a toolkit each name leads to a program", () => {
  const root = withToolkit();
  for (const step of steps(root, { asNvidia: true })) {
    const name = join(root, "/usr/local/bin/nvidia-container-toolkit");
    expect([step, statSync(name).size > 0]).toEqual([step, true]);
  }
});

test("uninstall that is killed after any step can be repeated", () => {
  for (let done = 0, isOver = false; !isOver; done += 1) {
    const root = withToolkit();
    const before = state(root);
    put(root, { asNvidia: true });
    isOver = stopAfter(uninstall(root, layout), done);
    if (!isOver) takeIfThere(root);
    expect(state(root)).toEqual(before);
  }
}, 60_000);

test("what a killed process left beside a file is taken away with it", () => {
  const root = machine();
  const before = state(root);
  put(root);
  const gone = Bun.spawnSync(["/bin/true"]).pid;
  write(root, `/usr/local/bin/.berth.${gone}`, "half");
  take(root);
  expect(state(root)).toEqual(before);
});

test("uninstall where nothing is installed says so", () => {
  expect(() => take(machine())).toThrow(expect.objectContaining({ code: "BERTH-I004" }));
});

test("a manifest that cannot be read is a problem with its path", () => {
  const root = machine();
  put(root);
  writeFileSync(join(root, "/usr/local/share/berth/manifest.json"), '{"format":1,"files":[{"path":"../x"}]}');
  for (const act of [put, take])
    expect(() => act(root)).toThrow(
      expect.objectContaining({ code: "BERTH-I003", message: expect.stringContaining("manifest.json") }),
    );
});
