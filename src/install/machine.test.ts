import { afterAll, expect, test } from "bun:test";
import { lstatSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { removeEnabledLinks } from "./enabled-links.ts";
import { refusePackaged } from "./find-package.ts";
import { findStillNamed } from "./find-still-named.ts";
import { layoutOf } from "./layout.ts";
import { chooseUnits } from "./units.ts";

const work = mkdtempSync(join(tmpdir(), "berth-machine-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));
const layout = layoutOf("/usr/local");

let count = 0;

/** The root of a machine that has these files. */
function machine(files: Readonly<Record<string, string>>): string {
  const root = join(work, String((count += 1)));
  mkdirSync(root);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

test("the engines' files that still name programs of an installation that is gone are found, and no others", () => {
  const root = machine({
    "etc/docker/daemon.json": '{"runtimes":{"nvidia":{"path":"/usr/local/bin/nvidia-container-runtime"}}}',
    "etc/containerd/config.toml": 'BinaryName = "/usr/bin/nvidia-container-runtime"',
    "etc/crio/crio.conf.d/99-nvidia.conf": 'runtime_path = "/usr/local/lib/berth/bin/nvidia-container-runtime"',
    "run/cdi/nvidia.yaml": "path: /usr/local/lib/berth/bin/nvidia-cdi-hook",
    "etc/cdi/other.yaml": "path: /usr/bin/hook",
  });
  expect(findStillNamed(root, layout)).toEqual([
    "/etc/crio/crio.conf.d/99-nvidia.conf",
    "/etc/docker/daemon.json",
    "/run/cdi/nvidia.yaml",
  ]);
});

test("a name that leads to somebody's program again is no longer berth's", () => {
  const root = machine({
    "etc/docker/daemon.json": '"/usr/local/bin/nvidia-container-runtime"',
    "usr/local/bin/nvidia-container-runtime": "peer",
  });
  expect(findStillNamed(root, layout)).toEqual([]);
});

test("the links by which systemd starts units of ours go with them, others of that name stay", () => {
  const root = machine({ "etc/systemd/system/multi-user.target.wants/berth-file.service": "no link" });
  const folder = join(root, "etc/systemd/system/multi-user.target.wants");
  const link = (name: string, target: string) => symlinkSync(target, join(folder, name));
  link("berth-a.service", "/etc/systemd/system/berth-a.service");
  link("berth-b.service", "../berth-b.service");
  link("berth-c.service", "/usr/lib/systemd/system/berth-c.service");
  link("other.service", "/etc/systemd/system/berth-a.service");
  const files = ["a", "b", "c", "file"].map((name) => ({
    path: `/etc/systemd/system/berth-${name}.service`,
    mode: 0o644,
    sha256: [],
  }));
  for (const _ of removeEnabledLinks(root, files));
  const there = ["berth-a.service", "berth-b.service", "berth-c.service", "berth-file.service", "other.service"].filter(
    (name) => lstatSync(join(folder, name), { throwIfNoEntry: false }) !== undefined,
  );
  expect(there).toEqual(["berth-c.service", "berth-file.service", "other.service"]);
});

test("on a machine without systemd there is nothing to take away", () => {
  expect([...removeEnabledLinks(machine({}), [])]).toEqual([]);
});

test("units and rules are left out where systemd and udev are not, and each is said", () => {
  const entries = [
    { path: "/etc/systemd/system/berth.service", part: "unit", mode: 0o644, content: "" },
    { path: "/etc/udev/rules.d/60-berth.rules", part: "unit", mode: 0o644, content: "" },
    { path: "/usr/local/bin/berth", part: "program", mode: 0o755, content: "" },
  ] as const;
  const both = chooseUnits(machine({ "etc/systemd/x": "", "etc/udev/x": "" }), layout, entries);
  expect(both).toEqual({ entries, leftOut: [] });
  const one = chooseUnits(machine({ "etc/systemd/x": "" }), layout, entries);
  expect(one.entries).toEqual([entries[0], entries[2]]);
  expect(one.leftOut).toEqual(['the rules of udev are left out: there is no "/etc/udev"']);
});

test("below /usr the package's files are its own, elsewhere they are not in the way", () => {
  const root = machine({ "var/lib/dpkg/info/berth.list": "" });
  expect(() => refusePackaged(root, layoutOf("/usr"))).toThrow(expect.objectContaining({ code: "BERTH-I005" }));
  refusePackaged(root, layout);
  refusePackaged(machine({}), layoutOf("/usr"));
});
