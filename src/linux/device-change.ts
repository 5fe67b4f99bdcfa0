import { BerthError } from "../base/index.ts";

/** A character device by its number. */
export interface DeviceNumber {
  readonly major: number;
  readonly minor: number;
}

/** Whether a container may read and write a character device; making its node (mknod) is left as it is. */
export interface DeviceChange extends DeviceNumber {
  readonly isAllowed: boolean;
}

/** Of reading, writing and both at once: all allowed, all denied, some of each; or what decides cannot be understood. */
export type Verdict = "allowed" | "denied" | "partly" | "unknown";

/** A container's own folder in a cgroup hierarchy that decides about devices. */
export interface DeviceCgroup {
  readonly version: 1 | 2;
  readonly folder: string;
  /** Where the hierarchy is mounted: the folders above `folder` end there. */
  readonly mountPoint: string;
}

/** What a change asks for. */
export function wishOf({ isAllowed }: DeviceChange): Verdict {
  return isAllowed ? "allowed" : "denied";
}

/** "195:0". */
export function deviceKey({ major, minor }: DeviceNumber): string {
  return `${major}:${minor}`;
}

/** One change for a device: the last of several. */
export function lastChanges(changes: readonly DeviceChange[]): readonly DeviceChange[] {
  return [...new Map(changes.map((change) => [deviceKey(change), change])).values()];
}

/** Why the permissions in a cgroup folder cannot be changed, and what mends it. */
export interface Refusal {
  readonly folder: string;
  /** What was to be done: those devices that the refusal is about. */
  readonly changes: readonly DeviceChange[];
  /** A clause. */
  readonly why: string;
  readonly remedy: string;
  readonly cause?: unknown;
}

/** A BERTH-K002: `Cannot allow the device 195:0 in the cgroup "…": why`. */
export function accessRefusal({ folder, changes, why, remedy, cause }: Refusal): BerthError {
  const groups = [true, false].flatMap((isAllowed) => {
    const keys = changes.filter((change) => change.isAllowed === isAllowed).map(deviceKey);
    if (keys.length === 0) return [];
    return [`${isAllowed ? "allow" : "deny"} the ${keys.length === 1 ? "device" : "devices"} ${keys.join(", ")}`];
  });
  const message = `Cannot ${groups.join(" and ")} in the cgroup "${folder}": ${why}`;
  return new BerthError({ code: "BERTH-K002", message, remedy }, { cause });
}
