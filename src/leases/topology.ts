import { onMachine, resolveInRoot, type Gpu, type Host } from "../host/index.ts";
import { parseStrictInteger } from "../base/index.ts";
import { readText } from "../linux/index.ts";
import type { LinkTable } from "./best-set.ts";

/** How the GPUs of a host are joined, by their index. */
export interface Topology {
  readonly links: LinkTable;
  readonly numaNodes: readonly (number | undefined)[];
  readonly areNvlinksKnown: boolean;
}

/** The classes of a PCIe path. Source: the scores of go-gpuallocator, which NVLinks would add 100 each to. */
const CROSS_CPU = 10;
const SAME_CPU = 20;
const HOST_BRIDGE = 30;
const SWITCHES = 40;
const ONE_SWITCH = 50;

const DEVICES = "/sys/bus/pci/devices";
const MAX_NODE = 1023;
/** A downstream port and the GPU behind it. */
const BEHIND_ONE_SWITCH = 2;

interface PciPlace {
  /** ["pci0000:17", "0000:17:01.0", …]: from the host bridge to the GPU; empty: sysfs does not say it. */
  readonly path: readonly string[];
  readonly numaNode: number | undefined;
}

/** From sysfs, so without NVLinks: only the driver knows those. */
export function readTopology(host: Host): Topology {
  const places = host.gpus.map((gpu) => readPlace(host.root, gpu));
  return {
    links: places.map((one) => places.map((other) => (one === other ? 0 : classOf(one, other)))),
    numaNodes: places.map(({ numaNode }) => numaNode),
    areNvlinksKnown: false,
  };
}

function readPlace(root: string, { bus }: Gpu): PciPlace {
  const folder = resolveInRoot(root, `${DEVICES}/${bus}`);
  if (folder === undefined) return { path: [], numaNode: undefined };
  const names = folder.split("/");
  const bridge = names.findIndex((name) => /^pci[0-9a-f]{4,}:[0-9a-f]{2}$/.test(name));
  // -1 where the kernel knows of no nodes.
  const text = readText(onMachine(root, `${folder}/numa_node`), 64)?.trim() ?? "";
  return { path: bridge < 0 ? [] : names.slice(bridge), numaNode: parseStrictInteger(text, MAX_NODE) };
}

function classOf(one: PciPlace, other: PciPlace): number {
  const shared = one.path.findIndex((name, depth) => name !== other.path[depth]);
  if (shared > 1) {
    const isOneSwitch = [one, other].every(({ path }) => path.length - shared <= BEHIND_ONE_SWITCH);
    return isOneSwitch ? ONE_SWITCH : SWITCHES;
  }
  if (shared === 1) return HOST_BRIDGE;
  const isSameCpu = one.numaNode !== undefined && one.numaNode === other.numaNode;
  return isSameCpu ? SAME_CPU : CROSS_CPU;
}
