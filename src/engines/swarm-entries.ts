import type { SwarmWish } from "./wish.ts";

/** The key of daemon.json that says what a node has beside memory and processors (docker/cli, docs/reference/dockerd.md, "Node Generic Resources"). */
export const SWARM_KEY = "node-generic-resources";

/** What is offered: "NVIDIA-GPU=GPU-8dc…". A value that is a number is how many there are, and names none. */
export interface SwarmEntry {
  readonly kind: string;
  readonly value: string;
}

/** The variable by which Swarm tells a task what it was given: it writes the kind in capitals (tried with 26.1). */
export function swarmVariable(kind: string): string {
  return `DOCKER_RESOURCE_${kind.toUpperCase()}`;
}

/** Undefined: dockerd would not take it for one. */
export function parseSwarmEntry(text: string): SwarmEntry | undefined {
  const [kind = "", value, ...rest] = text.split("=");
  return value === undefined || rest.length > 0 ? undefined : { kind, value };
}

/** The device that a value names, whole or by its beginning as far as only one begins so; undefined: none that is there. */
export function swarmDevice(value: string, devices: readonly string[]): string | undefined {
  const start = value.toLowerCase();
  const found = devices.filter((uuid) => uuid.toLowerCase().startsWith(start));
  return /^(?:gpu|mig)-/.test(start) && found.length === 1 ? found[0] : undefined;
}

/** What of a list stays, and what comes behind it. */
export interface PlannedEntries {
  readonly kept: readonly string[];
  readonly added: readonly string[];
}

/** Of the wished kind each device is to be offered once, and nothing else; entries of other kinds stay. */
export function planSwarmEntries(entries: readonly string[], { kind, devices }: SwarmWish): PlannedEntries {
  const offered = new Set<string>();
  const kept = entries.filter((text) => {
    const entry = parseSwarmEntry(text);
    if (entry === undefined || entry.kind !== kind) return true;
    const device = swarmDevice(entry.value, devices);
    if (device === undefined || offered.has(device)) return false;
    offered.add(device);
    return true;
  });
  return { kept, added: devices.filter((uuid) => !offered.has(uuid)).map((uuid) => `${kind}=${uuid}`) };
}

/** Whether a list offers what is wished, and nothing that is to go. */
export function hasSwarmEntries(entries: readonly string[], wish: SwarmWish): boolean {
  const { kept, added } = planSwarmEntries(entries, wish);
  return added.length === 0 && kept.length === entries.length;
}
