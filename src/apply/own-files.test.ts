import { expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { mountsOf } from "../oci/index.ts";
import {
  DEBIAN,
  ENGINE_MOUNTS,
  makeContainer,
  LIBRARIES,
  makeMachine,
  NOW,
  readTree,
  tmpfs,
  volume,
  workFolder,
  type Container,
  type Machine,
} from "./container.test-helper.ts";
import { RECORD_PATH } from "./record.ts";

const PROFILE = "/etc/nvidia/nvidia-application-profiles-rc.d/10-container.conf";
const CARD = { path: "/dev/dri/by-path/pci-0000:1b:00.0-card", target: "../card1", reason: "a test" };
const RENDER = { path: "/dev/dri/by-path/pci-0000:1b:00.0-render", target: "../renderD128", reason: "a test" };

/** A machine whose GPU has names by PCI address, an application profile, and a node of the group 44. */
function machineIn(folder: string): Machine {
  const machine = makeMachine(folder);
  const { edits } = machine;
  return {
    ...machine,
    edits: {
      ...edits,
      links: [...edits.links, CARD, RENDER],
      files: [{ path: PROFILE, content: "{}\n", reason: "a test" }],
      groups: [
        { gid: 44, reason: "the group of /dev/dri/card1" },
        { gid: 105, reason: "the group of /dev/dri/renderD128" },
      ],
    },
  };
}

function putFile(path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, "");
}

/** A container with what an engine does for each start: the spec is written anew. */
function makeRestarting(work: string): { container: Container; start: (machine: Machine) => void } {
  const container = makeContainer(work, DEBIAN);
  const spec = readFileSync(join(container.dir, "config.json"));
  const start = (machine: Machine): void => {
    writeFileSync(join(container.dir, "config.json"), spec);
    container.start(machine);
  };
  return { container, start };
}

const sourceOf = (container: ReturnType<typeof makeContainer>, destination: string): string => {
  return mountsOf(container.readSpec()).find((mount) => mount.destination === destination)?.source ?? "";
};

test("links into the tmpfs on /dev come as a mount of one folder of links, for reading alone", () => {
  using work = workFolder();
  const container = makeContainer(work.path, DEBIAN);
  container.start(machineIn(join(work.path, "driver")));
  const mount = mountsOf(container.readSpec()).find(({ destination }) => destination === "/dev/dri/by-path");
  expect(mount?.options).toEqual(["ro", "nosuid", "nodev", "noexec", "bind"]);
  const folder = mount?.source ?? "";
  expect(folder).toStartWith(`${container.state}/links/`);
  const names = ["pci-0000:1b:00.0-card", "pci-0000:1b:00.0-render"];
  expect(readdirSync(folder).toSorted()).toEqual(names);
  expect(names.map((name) => readlinkSync(join(folder, name)))).toEqual(["../card1", "../renderD128"]);
  // The container's user has to pass through; nobody else has to.
  expect(statSync(folder).mode & 0o777).toBe(0o755);
  expect(statSync(`${container.state}/links`).mode & 0o777).toBe(0o700);
  expect(readTree(container.rootfs)["/dev/dri/by-path"]).toBeUndefined();
});

test("a folder of links is shared by all containers with the same links, and stays while one of them runs", () => {
  using work = workFolder();
  const { container: first, start } = makeRestarting(work.path);
  start(machineIn(join(work.path, "driver")));
  const folder = sourceOf(first, "/dev/dri/by-path");
  const { ino } = statSync(folder);
  start(machineIn(join(work.path, "driver")));
  expect(statSync(folder).ino).toBe(ino);
  expect(readdirSync(`${first.state}/links`)).toHaveLength(1);
});

test.each([
  ["a link that leads elsewhere", (folder: string) => (rmSync(join(folder, "pci-0000:1b:00.0-card")), symlinkSync("../../etc/shadow", join(folder, "pci-0000:1b:00.0-card")))],
  ["a link too few", (folder: string) => rmSync(join(folder, "pci-0000:1b:00.0-card"))],
  ["a link too many", (folder: string) => symlinkSync("x", join(folder, "x"))],
  ["a file in place of a link", (folder: string) => (rmSync(join(folder, "pci-0000:1b:00.0-card")), writeFileSync(join(folder, "pci-0000:1b:00.0-card"), ""))],
  ["another mode", (folder: string) => chmodSync(folder, 0o777)],
  ["a file in place of the folder", (folder: string) => (rmSync(folder, { recursive: true }), writeFileSync(folder, ""))],
] as const)("a folder of links that somebody changed is not given to another container: %s", (_, change) => {
  using work = workFolder();
  const { container, start } = makeRestarting(work.path);
  start(machineIn(join(work.path, "driver")));
  const folder = sourceOf(container, "/dev/dri/by-path");
  change(folder);
  start(machineIn(join(work.path, "driver")));
  expect(readdirSync(folder).toSorted()).toEqual(["pci-0000:1b:00.0-card", "pci-0000:1b:00.0-render"]);
  expect(readlinkSync(join(folder, "pci-0000:1b:00.0-card"))).toBe("../card1");
  expect(statSync(folder).mode & 0o777).toBe(0o755);
}); // prettier-ignore

test("what a killed start left of a folder of links is cleared an hour later, and nothing else of the links", () => {
  using work = workFolder();
  const { container, start } = makeRestarting(work.path);
  start(machineIn(join(work.path, "driver")));
  const folder = sourceOf(container, "/dev/dri/by-path");
  mkdirSync(`${folder}.abc123`);
  const old = new Date(NOW.getTime() - 2 * 3_600_000);
  for (const path of [folder, `${folder}.abc123`]) utimesSync(path, old, old);
  start(machineIn(join(work.path, "driver")));
  expect(readdirSync(`${container.state}/links`)).toEqual([basename(folder)]);
});

test("a link into a tmpfs of the user's, outside /dev, is left out: a folder of ours would hide what is there", () => {
  using work = workFolder();
  const container = makeContainer(work.path, DEBIAN, { mounts: [...ENGINE_MOUNTS, tmpfs("/srv")] });
  const machine = machineIn(join(work.path, "driver"));
  const links = [...machine.edits.links, { path: "/srv/libx.so", target: "libx.so.1", reason: "a test" }];
  const plan = container.plan({ ...machine, edits: { ...machine.edits, links } });
  expect(plan.warnings.join()).toContain('"/srv/libx.so" is left out');
  expect(mountsOf(plan.spec).filter(({ destination }) => destination === "/srv")).toHaveLength(1);
});

test("NVIDIA_CTK_LIBCUDA_DIR follows the libraries where a volume moved them", () => {
  using work = workFolder();
  Bun.spawnSync(["mkdir", join(work.path, "volume")]);
  const container = makeContainer(work.path, DEBIAN, {
    mounts: [...ENGINE_MOUNTS, volume(join(work.path, "volume"), LIBRARIES)],
  });
  container.start(makeMachine(join(work.path, "driver")));
  expect(container.readSpec()).toMatchObject({
    process: { env: expect.arrayContaining(["NVIDIA_CTK_LIBCUDA_DIR=/usr/local/nvidia/lib64"]) },
  });
});

test("a container with the host's /dev has the links already: nothing is made and nothing is said", () => {
  using work = workFolder();
  const dev = join(work.path, "dev");
  const container = makeContainer(work.path, DEBIAN, { mounts: [...ENGINE_MOUNTS.slice(0, 1), volume(dev, "/dev")] });
  const machine = machineIn(join(work.path, "driver"));
  for (const { node } of machine.edits.devices) putFile(dev + node.path.slice("/dev".length));
  putFile(`${dev}/dri/card1`);
  putFile(`${dev}/dri/renderD128`);
  Bun.spawnSync(["mkdir", `${dev}/dri/by-path`]);
  for (const { path, target } of [CARD, RENDER]) Bun.spawnSync(["ln", "-s", target, dev + path.slice("/dev".length)]);
  const plan = container.plan(machine);
  expect(mountsOf(plan.spec).map(({ destination }) => destination)).not.toContain("/dev/dri/by-path");
  expect(plan.warnings).toEqual([]);
});

test("a file for this container alone is a mount of ours, and its mount point goes with the grant", () => {
  using work = workFolder();
  const container = makeContainer(work.path, DEBIAN);
  const engineSpec = readFileSync(join(container.dir, "config.json"));
  container.start(machineIn(join(work.path, "driver")));
  expect(readFileSync(sourceOf(container, PROFILE), "utf8")).toBe("{}\n");
  expect(readFileSync(join(container.rootfs, RECORD_PATH), "utf8")).toContain(`# stub\t${PROFILE}\n`);
  expect(existsSync(join(container.rootfs, PROFILE))).toBe(true);
  // An engine writes the spec anew for each start.
  writeFileSync(join(container.dir, "config.json"), engineSpec);
  container.start(makeMachine(join(work.path, "driver")));
  expect(existsSync(join(container.rootfs, "/etc/nvidia"))).toBe(false);
});

test("a volume over /etc hides such a file: it is left out, and that is said", () => {
  using work = workFolder();
  const etc = join(work.path, "etc");
  Bun.spawnSync(["mkdir", etc]);
  Bun.spawnSync(["touch", `${etc}/ld.so.cache`]);
  const container = makeContainer(work.path, DEBIAN, { mounts: [...ENGINE_MOUNTS, volume(etc, "/etc")] });
  const plan = container.plan(machineIn(join(work.path, "driver")));
  expect(plan.warnings.join("\n")).toContain(`"${PROFILE}" is left out`);
  expect(readdirSync(etc)).toEqual(["ld.so.cache"]);
});

test("groups are added to the process's own, each once, and the group that it has already is not", () => {
  using work = workFolder();
  const user = { uid: 1000, gid: 105, additionalGids: [7, 44] };
  const changed = makeContainer(work.path, DEBIAN, { process: { env: ["NVIDIA_VISIBLE_DEVICES=0"], user } });
  changed.start(machineIn(join(work.path, "driver")));
  expect(changed.readSpec()).toMatchObject({ process: { user } });
  rmSync(join(work.path, "bundle"), { recursive: true });
  const container = makeContainer(work.path, DEBIAN, {
    process: { env: ["NVIDIA_VISIBLE_DEVICES=0"], user: { uid: 1000, gid: 1000 } },
  });
  container.start(machineIn(join(work.path, "driver")));
  expect(container.readSpec()).toMatchObject({
    process: { user: { uid: 1000, gid: 1000, additionalGids: [44, 105] } },
  });
});

test("a tmpfs of the container on /etc/nvidia takes the file as a mount", () => {
  using work = workFolder();
  const container = makeContainer(work.path, DEBIAN, { mounts: [...ENGINE_MOUNTS, tmpfs("/etc/nvidia")] });
  container.start(machineIn(join(work.path, "driver")));
  expect(readFileSync(sourceOf(container, PROFILE), "utf8")).toBe("{}\n");
});
