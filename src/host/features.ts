import { lstatSync } from "node:fs";
import { present, readNode } from "./device-nodes.ts";
import type { DeviceNode, FeatureFiles, Host, HostFile } from "./host.ts";
import { listRoot, type Scene } from "./scene.ts";
import { onMachine, resolveInRoot } from "./tree.ts";

interface FeatureRule {
  /** The folder of its nodes, and which names there are its. */
  readonly folder: string;
  readonly names: RegExp;
  /** By the name of a node: the name in /proc/devices under which its driver has its major. */
  readonly driverOf: (name: string) => string;
  readonly files: readonly string[];
}

/** The modules nvidia-fs, gdrdrv, rdma_ucm with ib_uverbs, and nvidia, each under the name it registers. */
const RULES: Readonly<Record<keyof Host["features"], FeatureRule>> = {
  gds: {
    folder: "/dev",
    names: /^nvidia-fs\d*$/,
    driverOf: () => "nvidia-fs",
    files: ["/run/udev", "/etc/cufile.json"],
  },
  gdrcopy: { folder: "/dev", names: /^gdrdrv$/, driverOf: () => "gdrdrv", files: [] },
  mofed: {
    folder: "/dev/infiniband",
    names: /^(?:rdma_cm|uverbs\d+)$/,
    driverOf: (name) => (name === "rdma_cm" ? "misc" : "infiniband_verbs"),
    files: [],
  },
  nvswitch: { folder: "/dev", names: /^nvidia-nvswitch(?:ctl|\d+)$/, driverOf: () => "nvidia-nvswitch", files: [] },
};

/** GPUDirect Storage, GDRCopy, Mellanox OFED and NVSwitch: the nodes that exist, and the files beside them. */
export function readFeatures(scene: Scene): Host["features"] {
  const inDev = listRoot(scene, "/dev");
  const namesOf = ({ folder }: FeatureRule): readonly string[] => (folder === "/dev" ? inDev : listRoot(scene, folder));
  const read = (rule: FeatureRule): FeatureFiles => ({
    nodes: readNodes(scene, rule, namesOf(rule)),
    files: rule.files.flatMap((path) => findFile(scene, path)),
  });
  return {
    gds: read(RULES.gds),
    gdrcopy: read(RULES.gdrcopy),
    mofed: read(RULES.mofed),
    nvswitch: read(RULES.nvswitch),
  };
}

function readNodes(scene: Scene, rule: FeatureRule, names: readonly string[]): readonly DeviceNode[] {
  const own = names.filter((name) => rule.names.test(name)).toSorted(byNumber);
  const nodes = own.map((name) => {
    return readNode(scene, { path: `${rule.folder}/${name}`, majors: majorsOf(scene, rule.driverOf(name)) });
  });
  return present(nodes);
}

/** uverbs2 before uverbs10. */
function byNumber(a: string, b: string): number {
  return a.length - b.length || (a < b ? -1 : 1);
}

/** All of a name: drivers/infiniband/core/uverbs_main.c of the kernel registers a fixed and a dynamic range under one. */
function majorsOf({ devices }: Scene, driver: string): readonly number[] {
  const [characters = ""] = devices.split("Block devices:");
  const lines = characters.split("\n").map((line) => line.trim().split(" "));
  return lines.filter(([, name]) => name === driver).map(([major]) => Number(major));
}

/** Beside the driver where it has a root of its own, else on the machine. */
function findFile(scene: Scene, path: string): HostFile[] {
  for (const root of new Set([scene.driverRoot, scene.root])) {
    const real = resolveInRoot(root, path);
    const stat = real === undefined ? undefined : lstatSync(onMachine(root, real));
    if (real !== undefined && (stat?.isFile() === true || stat?.isDirectory() === true)) {
      return [{ path, hostPath: onMachine(root, real) }];
    }
  }
  return [];
}
