import { findAnnotationFault } from "./annotations.ts";
import { isDeviceName, isKind } from "./names.ts";
import type { CdiDevice, CdiDeviceNode, CdiEdits, CdiHook, CdiIntelRdt, CdiNetDevice, CdiSpec } from "./spec.ts";
import { describeFault, type FieldFault, type Steps } from "./steps.ts";
import { CDI_VERSIONS, isOlderVersion, minimumVersion, parseCdiVersion } from "./version.ts";

const NODE_TYPES = ["b", "c", "u", "p"];
const MAX_CLOS_ID = 4095;

/** What is wrong with a file. */
export interface SpecFault extends FieldFault {
  /** `devices[0].name must be text` */
  readonly message: string;
}

/** A rule's finding: the first fault, or none. */
type Finding = FieldFault | undefined;

/**
 * The first fault of a CDI file by the rules of the specification 1.1.0 and of its Go library: version, kind, annotations, edits, devices.
 * For what was read (`parseCdiSpec` does it) and for what is about to be written.
 */
export function findSpecFault(spec: CdiSpec): SpecFault | undefined {
  const fault = findFault(spec);
  return fault && { ...fault, message: describeFault(fault) };
}

function findFault(spec: CdiSpec): Finding {
  return (
    findVersionFault(spec) ??
    findKindFault(spec) ??
    within(["annotations"], findAnnotationFault(spec.annotations)) ??
    within(["containerEdits"], findEditsFault(spec.containerEdits)) ??
    findDevicesFault(spec) ??
    findOldFields(spec)
  );
}

function findVersionFault(spec: CdiSpec): Finding {
  const { cdiVersion } = spec;
  const steps = ["cdiVersion"];
  if (parseCdiVersion(cdiVersion) === undefined) {
    return { steps, why: `is "${cdiVersion}", and must be one of ${CDI_VERSIONS.slice(2).join(", ")}` };
  }
  const minimum = minimumVersion(spec);
  if (!isOlderVersion(cdiVersion, minimum)) return undefined;
  return {
    steps,
    why: `is "${cdiVersion}", but what the file uses came with ${minimum}`,
    remedy: `declare cdiVersion "${minimum}" there`,
  };
}

function findKindFault({ kind }: CdiSpec): Finding {
  return isKind(kind)
    ? undefined
    : { steps: ["kind"], why: `is "${kind}", and must be vendor/class, as nvidia.com/gpu` };
}

function findDevicesFault({ devices }: CdiSpec): Finding {
  if (devices.length === 0) return { steps: ["devices"], why: "must have at least one device" };
  const names = new Map<string, number>();
  return first(devices, (device, index) => {
    const earlier = names.get(device.name);
    names.set(device.name, index);
    if (earlier === undefined) return within(["devices", index], findDeviceFault(device));
    return { steps: ["devices", index, "name"], why: `is "${device.name}", as that of devices[${earlier}]` };
  });
}

function findDeviceFault({ name, annotations, containerEdits }: CdiDevice): Finding {
  if (!isDeviceName(name)) {
    return { steps: ["name"], why: `is "${name}"; letters and digits are allowed, and inside the signs _ - . :` };
  }
  if (isEmptyEdits(containerEdits)) return { steps: ["containerEdits"], why: "must change something" };
  return (
    within(["annotations"], findAnnotationFault(annotations)) ??
    within(["containerEdits"], findEditsFault(containerEdits))
  );
}

function isEmptyEdits({ intelRdt, ...lists }: CdiEdits): boolean {
  return intelRdt === undefined && Object.values(lists).every(({ length }) => length === 0);
}

function findEditsFault({ env, deviceNodes, hooks, mounts, intelRdt, netDevices }: CdiEdits): Finding {
  return (
    within(["env"], findEnvFault(env)) ??
    within(["deviceNodes"], eachOf(deviceNodes, findNodeFault)) ??
    within(
      ["mounts"],
      eachOf(mounts, (mount) => needAll(mount, ["hostPath", "containerPath"])),
    ) ??
    within(["hooks"], eachOf(hooks, findHookFault)) ??
    within(["netDevices"], findNetFault(netDevices)) ??
    within(["intelRdt"], intelRdt && findRdtFault(intelRdt))
  );
}

function findEnvFault(env: readonly string[]): Finding {
  return eachOf(env, (entry) => (entry.indexOf("=") > 0 ? undefined : { steps: [], why: "must be NAME=value" }));
}

function findNodeFault({ path, type, permissions }: CdiDeviceNode): Finding {
  if (path === "") return { steps: ["path"], why: "must not be empty" };
  if (type !== undefined && !NODE_TYPES.includes(type)) {
    return { steps: ["type"], why: `is "${type}", and must be one of ${NODE_TYPES.join(", ")}` };
  }
  if (permissions === undefined || /^[rwm]+$/.test(permissions)) return undefined;
  return { steps: ["permissions"], why: `is "${permissions}", and may have the letters r, w and m` };
}

function findHookFault({ path, env }: CdiHook): Finding {
  return path === "" ? { steps: ["path"], why: "must not be empty" } : within(["env"], findEnvFault(env));
}

function findNetFault(devices: readonly CdiNetDevice[]): Finding {
  return (
    eachOf(devices, (device) => needAll(device, ["hostInterfaceName", "name"])) ??
    findRepeated(devices, "hostInterfaceName") ??
    findRepeated(devices, "name")
  );
}

function findRepeated(devices: readonly CdiNetDevice[], key: keyof CdiNetDevice): Finding {
  const seen = new Set<string>();
  return eachOf(devices, (device) => {
    if (seen.has(device[key])) return { steps: [key], why: `is "${device[key]}" a second time` };
    seen.add(device[key]);
    return undefined;
  });
}

/** A closID is a file's name under /sys/fs/resctrl. */
function findRdtFault({ closID = "" }: CdiIntelRdt): Finding {
  const isName = closID !== "." && closID !== ".." && !/[/\n]/.test(closID) && Buffer.byteLength(closID) <= MAX_CLOS_ID;
  return isName ? undefined : { steps: ["closID"], why: "must be a file's name" };
}

/** Fields that 1.1.0 took away. */
function findOldFields({ cdiVersion, containerEdits, devices }: CdiSpec): Finding {
  if (isOlderVersion(cdiVersion, "1.1.0")) return undefined;
  return (
    within(["containerEdits"], findOldRdt(containerEdits)) ??
    first(devices, (device, index) => within(["devices", index, "containerEdits"], findOldRdt(device.containerEdits)))
  );
}

function findOldRdt({ intelRdt }: CdiEdits): Finding {
  const key = (["enableCMT", "enableMBM"] as const).find((each) => intelRdt?.[each] === true);
  if (key === undefined) return undefined;
  return { steps: ["intelRdt", key], why: "is no field of version 1.1.0", remedy: "write enableMonitoring there" };
}

/** Texts that must not be empty. */
function needAll<Key extends string>(object: Readonly<Record<Key, unknown>>, keys: readonly Key[]): Finding {
  const key = keys.find((each) => object[each] === "");
  return key === undefined ? undefined : { steps: [key], why: "must not be empty" };
}

function eachOf<T>(items: readonly T[], find: (item: T) => Finding): Finding {
  return first(items, (item, index) => within([index], find(item)));
}

function first<T>(items: readonly T[], find: (item: T, index: number) => Finding): Finding {
  for (const [index, item] of items.entries()) {
    const fault = find(item, index);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function within(above: Steps, fault: Finding): Finding {
  return fault && { ...fault, steps: [...above, ...fault.steps] };
}
