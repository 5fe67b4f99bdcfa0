import { errnoCode, parseStrictInteger } from "../base/index.ts";
import { readRootText, type Scene } from "./scene.ts";

const PARAMS = "/proc/driver/nvidia/params";
const CAPABILITIES = "/proc/driver/nvidia/capabilities";
const MAX_ID = 0xffff_ffff;
const MAX_MINOR = 0xf_ffff;
const UNREADABLE: ReadonlySet<string | undefined> = new Set(["EACCES", "EPERM"]);

/** Permission bits and owner of a node. */
export interface NodeAccess {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** What the driver wants of a node. */
export interface NodeWish extends NodeAccess {
  /** Whether it lets programs make and mend the node (`ModifyDeviceFiles`); false: udev or the administrator does. */
  readonly isManaged: boolean;
}

/**
 * What the driver wants its GPU and control nodes to be, from its parameters: NVreg_DeviceFileUID, GID and Mode.
 * Without them what it has by itself: everybody's. Rule: nvidia-modprobe.
 */
export function readNodeWish(scene: Scene): NodeWish {
  const text = readRootText(scene, PARAMS) ?? "";
  return {
    mode: numberIn(text, "DeviceFileMode", 0o777) ?? 0o666,
    uid: numberIn(text, "DeviceFileUID", MAX_ID) ?? 0,
    gid: numberIn(text, "DeviceFileGID", MAX_ID) ?? 0,
    isManaged: numberIn(text, "ModifyDeviceFiles", 1) !== 0,
  };
}

/** Whether the driver wants IMEX channel 0 to be there without anybody having asked (NVreg_CreateImexChannel0). */
export function wantsImexChannel(scene: Scene): boolean {
  return numberIn(readRootText(scene, PARAMS) ?? "", "CreateImexChannel0", 1) === 1;
}

/**
 * What the driver says of a capability ("mig/config", "gpu0/mig/gi1/access"): the node's minor, undefined where it does
 * not, and how the node is to be. Who may not read its file gets what all drivers so far have.
 */
export function readCapabilityWish(scene: Scene, name: string): NodeWish & { readonly minor: number | undefined } {
  const text = readIfAllowed(scene, `${CAPABILITIES}/${name}`) ?? "";
  return {
    minor: numberIn(text, "DeviceFileMinor", MAX_MINOR),
    mode: numberIn(text, "DeviceFileMode", 0o777) ?? (name === "mig/config" ? 0o400 : 0o444),
    uid: 0,
    gid: 0,
    isManaged: numberIn(text, "DeviceFileModify", 1) !== 0,
  };
}

/** The file of a capability has the mode of its node. */
function readIfAllowed(scene: Scene, path: string): string | undefined {
  try {
    return readRootText(scene, path);
  } catch (error) {
    if (UNREADABLE.has(errnoCode(error))) return undefined;
    throw error;
  }
}

function numberIn(text: string, name: string, max: number): number | undefined {
  return parseStrictInteger(new RegExp(`^${name}: (\\d+)$`, "m").exec(text)?.[1] ?? "", max);
}
