import {
  NO_EDITS,
  type CdiDevice,
  type CdiDeviceNode,
  type CdiEdits,
  type CdiHook,
  type CdiMount,
  type CdiSpec,
} from "./index.ts";

/** A small file of one device; every field can be given. */
export function makeSpec(fields: Partial<CdiSpec> = {}): CdiSpec {
  const devices = [makeDevice("a")];
  return { cdiVersion: "1.1.0", kind: "v/c", annotations: {}, devices, containerEdits: NO_EDITS, ...fields };
}

export function makeDevice(name: string, edits: Partial<CdiEdits> = { env: ["A=b"] }): CdiDevice {
  return { name, annotations: {}, containerEdits: makeEdits(edits) };
}

export function makeEdits(edits: Partial<CdiEdits>): CdiEdits {
  return { ...NO_EDITS, ...edits };
}

export function makeNode(path: string, fields: Partial<CdiDeviceNode> = {}): CdiDeviceNode {
  const unknown = { hostPath: undefined, type: undefined, major: undefined, minor: undefined, fileMode: undefined };
  return { path, ...unknown, permissions: undefined, uid: undefined, gid: undefined, ...fields };
}

export function makeMount(hostPath: string, containerPath: string, type?: string): CdiMount {
  return { hostPath, containerPath, options: [], type };
}

export function makeHook(hookName: CdiHook["hookName"], path: string, args: readonly string[] = []): CdiHook {
  return { hookName, path, args, env: [], timeout: undefined };
}

export const NO_RDT = {
  closID: undefined,
  l3CacheSchema: undefined,
  memBwSchema: undefined,
  schemata: [],
  enableCMT: false,
  enableMBM: false,
  enableMonitoring: false,
} as const;
