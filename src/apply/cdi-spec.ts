import { BerthError } from "../base/index.ts";
import { minimumVersion, NO_EDITS, type CdiDevice, type CdiEdits, type CdiSpec } from "../cdi/index.ts";
import {
  libcudaFolders,
  READ_ONLY,
  spellOut,
  type DeviceEdit,
  type GroupEdit,
  type MountEdit,
} from "../edits/index.ts";
import { policyOf, type Policy } from "../grant/index.ts";
import type { DeviceNode, FeatureName, Host } from "../host/index.ts";
import { driverGrant, findDevices, type NamedDevice } from "./cdi-devices.ts";
import { cdiMounts, cdiNodes, commonEdits, nodesBelow, type NodePlace } from "./cdi-edits.ts";
import { anyDevices } from "./any-devices.ts";
import { hooksOf, updateOf } from "./cdi-hook.ts";
import { kindOf, type CdiOptions } from "./cdi-options.ts";

/** A CDI file as a value, and what it does without, a sentence each. */
export interface MadeSpec {
  readonly spec: CdiSpec;
  readonly warnings: readonly string[];
}

/**
 * The CDI file of a host: what the engine can do by itself as nodes and mounts, the rest in one hook. The same host and options give the same file. Throws a BerthError where
 * it would name no device. Rules: CDI specification 1.1.0; names, kinds and order as nvidia-container-toolkit 1.20 has them.
 */
export function makeCdiSpec(host: Host, options: CdiOptions): MadeSpec {
  const place = nodesBelow(options.devRoot);
  const made = partsOf(host, options, place);
  const spec: CdiSpec = {
    cdiVersion: "0.3.0",
    kind: kindOf(options),
    annotations: {},
    devices: made.devices.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    containerEdits: made.common,
  };
  return { spec: { ...spec, cdiVersion: minimumVersion(spec) }, warnings: [...made.warnings, ...host.warnings] };
}

interface Parts {
  readonly devices: readonly CdiDevice[];
  readonly common: CdiEdits;
  readonly warnings: readonly string[];
}

function partsOf(host: Host, options: CdiOptions, place: NodePlace): Parts {
  const { mode } = options;
  if (mode === "management") return managementParts(host, options, place);
  if (mode === "imex") return imexParts(host, options, place);
  if (mode === "gds" || mode === "gdrcopy" || mode === "mofed" || mode === "nvswitch")
    return featureParts(mode, host, place);
  return gpuParts(host, options, place);
}

/** A mode that names a kind of machine is for that kind alone. */
function checkPlatform({ unit, absence }: Host, { mode }: CdiOptions): void {
  if ((mode !== "wsl" && mode !== "csv") || unit?.kind === mode) return;
  throw noMode(mode, absence?.why ?? "this host is of another kind");
}

function noMode(mode: string, why: string): BerthError {
  const message = `Cannot make a CDI file in the mode "${mode}": ${why}`;
  return new BerthError({ code: "BERTH-R001", message, remedy: 'leave the mode out: "auto" finds what there is' });
}

/** 32-bit libraries would double the mounts of every container. */
function policyFor({ config }: CdiOptions): Policy {
  const policy = policyOf(config);
  return { ...policy, supportedCapabilities: policy.supportedCapabilities.filter((name) => name !== "compat32") };
}

function gpuParts(host: Host, options: CdiOptions, place: NodePlace): Parts {
  checkPlatform(host, options);
  const policy = policyFor(options);
  const isNone = options.ids.includes("none");
  // Whoever wants a GPU if there is one asks for it everywhere.
  if (isNone && host.driver === undefined) return { devices: [NONE], common: commonEdits({}), warnings: [] };
  const found = isNone ? { devices: [], warnings: [] } : findDevices(host, policy, options);
  const common = spellOut(driverGrant(host, policy), host);
  const links = found.devices
    .flatMap(({ edits }) => edits.links)
    .filter((link) => !common.links.some((other) => other.path === link.path));
  const update = updateOf({ host, grants: found.devices.map(({ grant }) => grant), common, links }, options);
  const ofEvery = new Set(common.devices.map(({ node }) => node.path));
  const devices = found.devices.map((device) => ownEdits(device, ofEvery, place));
  const lost = devices.find(({ nodes }) => nodes.length === 0);
  if (lost !== undefined) throw noNodes(lost, options);
  const all = {
    names: ["all"],
    nodes: devices.flatMap(({ nodes }) => nodes),
    groups: devices.flatMap(({ groups }) => groups),
  };
  const wanted = options.hasAllDevice ? [...devices, all] : devices;
  return {
    devices: isNone
      ? [NONE]
      : [
          ...wanted.flatMap((device) => devicesOf(device, place)),
          ...(options.hasAny ? anyDevices(host, options.hookPath) : []),
        ],
    common: commonEdits({
      env: libcudaEnv(common.loaderEntries),
      deviceNodes: cdiNodes(common.devices, place),
      mounts: cdiMounts(common.mounts),
      hooks: hooksOf(update, options),
    }),
    warnings: found.warnings,
  };
}

function noNodes({ names }: OwnEdits, { devRoot = "/" }: CdiOptions): BerthError {
  return new BerthError({
    code: "BERTH-D003",
    message: `Cannot make a CDI file: the device nodes of ${names[0]} are not below "${devRoot}"`,
    remedy: "name the folder above the right dev folder: --dev-root DIR",
  });
}

/** For a container that is to have the driver and no GPU. */
const NONE: CdiDevice = { name: "none", annotations: {}, containerEdits: { ...NO_EDITS, env: ["NVCT_EMPTY_DEVICE="] } };

/** A device under every name that it has. */
interface OwnEdits {
  readonly names: readonly string[];
  readonly nodes: readonly DeviceEdit[];
  readonly groups: readonly GroupEdit[];
}

/** Its own nodes, without those that every container gets. */
function ownEdits({ names, edits }: NamedDevice, ofEvery: ReadonlySet<string>, place: NodePlace): OwnEdits {
  const nodes = edits.devices.filter(({ node }) => !ofEvery.has(node.path) && place(node) !== undefined);
  return { names, nodes, groups: edits.groups };
}

function devicesOf({ names, nodes, groups }: OwnEdits, place: NodePlace): readonly CdiDevice[] {
  const additionalGids = [...new Set(groups.map(({ gid }) => gid))].toSorted((a, b) => a - b);
  const containerEdits = { ...NO_EDITS, deviceNodes: cdiNodes(nodes, place), additionalGids };
  return names.map((name) => ({ name, annotations: {}, containerEdits }));
}

/** Every node of the driver, for what manages the machine. */
function managementParts(host: Host, options: CdiOptions, place: NodePlace): Parts {
  const common = spellOut(driverGrant(host, policyFor(options)), host);
  const update = updateOf({ host, grants: [], common, links: [] }, options);
  return {
    ...wholeParts("management", { nodes: managementNodes(host), mounts: [] }, place),
    common: commonEdits({
      env: libcudaEnv(common.loaderEntries),
      mounts: cdiMounts(common.mounts.filter(({ kind }) => kind !== "config" && kind !== "xorg")),
      hooks: hooksOf({ ...update, hasApplicationProfile: false, hidesDeviceFiles: false }, options),
    }),
  };
}

function managementNodes({ gpus, controlNodes, migControl, imexChannels }: Host): readonly DeviceNode[] {
  const ofGpus = gpus.flatMap(({ node, migDevices }) => [
    ...(node === undefined ? [] : [node]),
    ...migDevices.flatMap(({ nodes }) => nodes),
  ]);
  return [...controlNodes, ...ofGpus, ...Object.values(migControl), ...imexChannels];
}

function featureParts(name: FeatureName, { features }: Host, place: NodePlace): Parts {
  const { nodes, files } = features[name];
  const mounts = files.map(({ path, hostPath }): MountEdit => {
    return { hostPath, containerPath: path, kind: "config", options: READ_ONLY, reason: name };
  });
  return wholeParts(name, { nodes, mounts }, place);
}

/** One device `all` with these nodes. */
function wholeParts(
  mode: string,
  { nodes, mounts }: { readonly nodes: readonly DeviceNode[]; readonly mounts: readonly MountEdit[] },
  place: NodePlace,
): Parts {
  const deviceNodes = cdiNodes(nodes.map(asEdit), place);
  if (deviceNodes.length === 0) throw noMode(mode, "this host has no device node of that kind");
  const containerEdits = { ...NO_EDITS, deviceNodes, mounts: cdiMounts(mounts) };
  return { devices: [{ name: "all", annotations: {}, containerEdits }], common: commonEdits({}), warnings: [] };
}

function asEdit(node: DeviceNode): DeviceEdit {
  return { node, reason: "" };
}

/** One device for each channel, and all of them. */
function imexParts({ imexChannels }: Host, { ids, hasAllDevice }: CdiOptions, place: NodePlace): Parts {
  const wanted = imexChannels.filter(({ minor }) => ids.includes("all") || ids.includes(String(minor)));
  const all = wholeParts("imex", { nodes: wanted, mounts: [] }, place);
  const single = wanted.map((node): CdiDevice => {
    return {
      name: String(node.minor),
      annotations: {},
      containerEdits: { ...NO_EDITS, deviceNodes: cdiNodes([asEdit(node)], place) },
    };
  });
  return { ...all, devices: hasAllDevice ? [...single, ...all.devices] : single };
}

/** The variable that tells the programs of an image where libcuda is, as a CDI file spells it. */
function libcudaEnv(entries: Parameters<typeof libcudaFolders>[0]): readonly string[] {
  return libcudaFolders(entries).map(({ name, value }) => `${name}=${value}`);
}
