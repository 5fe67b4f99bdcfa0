import { splitList } from "../base/index.ts";
import { spellOut, type MountEdit } from "../edits/index.ts";
import { gpusOf, listDevices, type Grant, type Policy } from "../grant/index.ts";
import { CAPABILITIES, type DeviceNode, type Host } from "../host/index.ts";
import { allOf, isGiven, type ArgpValues } from "./argp.ts";
import { cliGrant, cliRequest, type Wish } from "./cli-request.ts";

/** What is to be listed. */
export interface ListCall {
  /** Undefined: no device node, not those of the driver either. */
  readonly devices: readonly string[] | undefined;
  readonly migConfig: readonly string[];
  readonly migMonitor: readonly string[];
  readonly imexChannels: readonly string[];
  readonly hasBinaries: boolean;
  readonly hasLibraries: boolean;
  readonly has32Bit: boolean;
  readonly hasSockets: boolean;
  readonly hasFirmware: boolean;
  readonly noPersistenced: boolean;
  readonly noFabricmanager: boolean;
}

const SELECTIONS = ["device", "libraries", "binaries", "ipcs", "firmwares", "mig-config", "mig-monitor"];

/** Where nothing is selected, everything is, but for the rights over MIG. */
export function readListCall(values: ArgpValues): ListCall {
  const isAll = !SELECTIONS.some((name) => isGiven(values, name));
  const ids = (name: string): readonly string[] => allOf(values, name).flatMap(splitList);
  const has = (name: string): boolean => isAll || isGiven(values, name);
  return {
    devices: isAll ? ["all"] : isGiven(values, "device") ? ids("device") : undefined,
    migConfig: ids("mig-config"),
    migMonitor: ids("mig-monitor"),
    imexChannels: ids("imex-channel"),
    hasBinaries: has("binaries"),
    hasLibraries: has("libraries"),
    has32Bit: has("compat32"),
    hasSockets: has("ipcs"),
    hasFirmware: has("firmwares"),
    noPersistenced: isGiven(values, "no-persistenced"),
    noFabricmanager: isGiven(values, "no-fabricmanager"),
  };
}

/**
 * The paths of this machine that a container with every capability would be given: device nodes, IMEX channels, MIG control, programs, libraries, 32-bit libraries,
 * sockets, firmware, each once. Throws what the grant throws. Order: libnvidia-container, src/cli/list.c.
 */
export function listPaths(call: ListCall, host: Host, policy: Policy): readonly string[] {
  const wish = wishOf(call, host);
  const grant = cliGrant(wish, cliRequest(wish), { host, policy });
  const edits = spellOut(grant, host);
  const of = (kind: MountEdit["kind"]): readonly string[] =>
    edits.mounts.filter((mount) => mount.kind === kind).map(({ hostPath }) => hostPath);
  const small = smallLibraries(host);
  const libraries = of("library");
  return [
    ...new Set([
      ...(call.devices === undefined
        ? []
        : deviceNodes(
            edits.devices.map(({ node }) => node),
            grant,
            host,
          )),
      ...grant.imexChannels.map(({ node }) => node.hostPath),
      ...migControl(grant, host),
      ...(call.hasBinaries ? of("binary") : []),
      ...(call.hasLibraries ? libraries.filter((path) => !small.has(path)) : []),
      ...(call.hasLibraries && call.has32Bit ? libraries.filter((path) => small.has(path)) : []),
      ...(call.hasSockets ? of("socket").filter((path) => isSocketWanted(path, call)) : []),
      ...(call.hasFirmware ? of("firmware") : []),
    ]),
  ];
}

/** A host without a GPU has its driver's files all the same. */
function wishOf({ devices = [], migConfig, migMonitor, imexChannels }: ListCall, host: Host): Wish {
  const isAllOfNone =
    devices.some((id) => id.toLowerCase() === "all") && host.unit === undefined && listDevices(host).length === 0;
  return {
    devices: isAllOfNone ? [] : devices,
    capabilities: CAPABILITIES,
    requirements: [],
    migConfig,
    migMonitor,
    imexChannels,
  };
}

/**
 * The driver's nodes, then those of the GPUs by index, then of each MIG device what it is opened by: two files of /proc and two nodes. Without DRM nodes, which the
 * program that is replaced does not list.
 */
function deviceNodes(nodes: readonly DeviceNode[], grant: Grant, host: Host): readonly string[] {
  const isDrivers = ({ path }: DeviceNode): boolean =>
    host.unit !== undefined || host.controlNodes.some((control) => control.path === path);
  const gpus = gpusOf(grant).toSorted((a, b) => a.index - b.index);
  const parts = grant.migDevices.flatMap(({ parent, device }) => {
    const instance = `${migFolder(host, parent.minor)}/gi${device.gpuInstance}`;
    const files = [`${instance}/access`, `${instance}/ci${device.computeInstance}/access`];
    return [...files, ...device.nodes.map(({ hostPath }) => hostPath)];
  });
  return [
    ...nodes.filter(isDrivers).map(({ hostPath }) => hostPath),
    ...gpus.flatMap(({ node }) => node?.hostPath ?? []),
    ...parts,
  ];
}

/** The file of /proc and the node, then what belongs to the GPUs that are split. */
function migControl(grant: Grant, host: Host): readonly string[] {
  const split = gpusOf(grant).filter(({ isMigEnabled }) => isMigEnabled);
  return grant.migControl.flatMap(({ what, node }) => [
    `${capabilityFolder(host)}/mig/${what}`,
    node.hostPath,
    ...split.map(({ minor }) => migFolder(host, minor)),
  ]);
}

function migFolder(host: Host, minor: number): string {
  return `${capabilityFolder(host)}/gpu${minor}/mig`;
}

function capabilityFolder({ root }: Host): string {
  return `${root === "/" ? "" : root}/proc/driver/nvidia/capabilities`;
}

function smallLibraries({ libraries, unit }: Host): ReadonlySet<string> {
  const ofUnit = (unit?.items ?? []).flatMap((item) => (item.kind === "library" ? [item] : []));
  const small = [...libraries, ...ofUnit].filter(({ architecture }) => architecture === "i386");
  return new Set(small.map(({ hostPath }) => hostPath));
}

function isSocketWanted(path: string, { noPersistenced, noFabricmanager }: ListCall): boolean {
  if (path.endsWith("/nvidia-persistenced/socket")) return !noPersistenced;
  return !(noFabricmanager && path.endsWith("/nvidia-fabricmanager/socket"));
}
