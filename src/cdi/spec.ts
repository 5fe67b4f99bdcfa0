/*
 * One CDI file as values, in the specification's own words (CDI specification 1.1.0, SPEC.md). A list that a file leaves out is empty here; numbers
 * are integers that a double holds.
 */

export interface CdiSpec {
  /** "0.5.0" */
  readonly cdiVersion: string;
  /** "nvidia.com/gpu" */
  readonly kind: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly devices: readonly CdiDevice[];
  /** For every device of the file, once for a container. */
  readonly containerEdits: CdiEdits;
}

export interface CdiDevice {
  readonly name: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly containerEdits: CdiEdits;
}

/** What has to change in a container. */
export interface CdiEdits {
  /** "NAME=value" */
  readonly env: readonly string[];
  readonly deviceNodes: readonly CdiDeviceNode[];
  readonly mounts: readonly CdiMount[];
  readonly hooks: readonly CdiHook[];
  readonly additionalGids: readonly number[];
  readonly netDevices: readonly CdiNetDevice[];
  readonly intelRdt: CdiIntelRdt | undefined;
}

export interface CdiDeviceNode {
  /** In the container. */
  readonly path: string;
  /** On the machine; undefined: the same. */
  readonly hostPath: string | undefined;
  /** "b", "c", "u", "p"; undefined: what the node on the machine is. */
  readonly type: string | undefined;
  /** Undefined (or 0 for both): of the node on the machine. */
  readonly major: number | undefined;
  readonly minor: number | undefined;
  /** Permission bits. */
  readonly fileMode: number | undefined;
  /** Of the device cgroup: a part of "rwm"; undefined: all of it. */
  readonly permissions: string | undefined;
  readonly uid: number | undefined;
  readonly gid: number | undefined;
}

export interface CdiMount {
  readonly hostPath: string;
  readonly containerPath: string;
  readonly options: readonly string[];
  readonly type: string | undefined;
}

export const HOOK_STAGES = [
  "prestart",
  "createRuntime",
  "createContainer",
  "startContainer",
  "poststart",
  "poststop",
] as const;
export type HookStage = (typeof HOOK_STAGES)[number];

export interface CdiHook {
  readonly hookName: HookStage;
  readonly path: string;
  /** With argv[0]. */
  readonly args: readonly string[];
  /** Empty: whatever the low-level runtime gives a hook, which can be the image's. */
  readonly env: readonly string[];
  /** Seconds. */
  readonly timeout: number | undefined;
}

export interface CdiNetDevice {
  readonly hostInterfaceName: string;
  readonly name: string;
}

export interface CdiIntelRdt {
  readonly closID: string | undefined;
  readonly l3CacheSchema: string | undefined;
  readonly memBwSchema: string | undefined;
  readonly schemata: readonly string[];
  readonly enableCMT: boolean;
  readonly enableMBM: boolean;
  readonly enableMonitoring: boolean;
}

export const NO_EDITS: CdiEdits = {
  env: [],
  deviceNodes: [],
  mounts: [],
  hooks: [],
  additionalGids: [],
  netDevices: [],
  intelRdt: undefined,
};
