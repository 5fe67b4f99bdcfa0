import { parseDeviceList } from "./device-list.ts";
import type { Origin, Request } from "./request.ts";
import { shorten } from "./shorten.ts";

/** What of a container a request is read from. */
export interface RequestSource {
  /** `process.env` of the spec: `NAME=value` entries, the last one of a name counts. */
  readonly env: readonly string[];
  /** `process.capabilities.bounding` of the spec. */
  readonly boundingCapabilities: readonly string[];
  /** `swarm-resource` of config.toml: variables that, where one exists, stand in place of NVIDIA_VISIBLE_DEVICES. */
  readonly swarmResources?: readonly string[];
}

const DEVICES = "NVIDIA_VISIBLE_DEVICES";
const CAPABILITIES = "NVIDIA_DRIVER_CAPABILITIES";

/**
 * Texts without one of which a `config.json` asks for nothing: the names by which `readRequest` begins, and the escape that can spell any name.
 * The launcher looks for them, so that a container without a GPU costs nothing.
 */
export const REQUEST_SIGNS: readonly string[] = [DEVICES, "CUDA_VERSION", "\\u"];

/**
 * What a container asks for by its environment. A legacy CUDA image (`CUDA_VERSION` set, `NVIDIA_REQUIRE_CUDA` not) that names no
 * devices asks for all of them, with all capabilities. Throws BERTH-R002. Rule: the NVIDIA container stack's image protocol.
 */
export function readRequest(source: RequestSource): Request {
  const env = new Map(source.env.map(splitEntry));
  const isLegacy = Boolean(env.get("CUDA_VERSION")) && !env.get("NVIDIA_REQUIRE_CUDA");
  const swarm = (source.swarmResources ?? []).filter((name) => env.has(name));
  const asked =
    swarm.length > 0 ? swarm.map((name) => env.get(name)).join() : (env.get(DEVICES) ?? (isLegacy ? "all" : ""));
  const capabilities = env.get(CAPABILITIES) ?? (isLegacy ? "all" : "");
  return {
    ...parseDeviceList(asked),
    capabilities: parseCapabilities(capabilities),
    devicesOrigin: originOf(env, swarm[0] ?? DEVICES, isLegacy),
    capabilitiesOrigin: originOf(env, CAPABILITIES, isLegacy),
    isPrivileged: source.boundingCapabilities.includes("CAP_SYS_ADMIN"),
  };
}

function splitEntry(entry: string): [string, string] {
  const at = entry.indexOf("=");
  return at === -1 ? [entry, ""] : [entry.slice(0, at), entry.slice(at + 1)];
}

function parseCapabilities(value: string): Request["capabilities"] {
  const names = value
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
  if (names.length === 0) return undefined;
  return names.includes("all") ? "all" : [...new Set(names)];
}

function originOf(env: ReadonlyMap<string, string>, name: string, isLegacy: boolean): Origin {
  const value = env.get(name);
  if (value !== undefined) return { source: "env", text: shorten(`${name}=${value}`) };
  return { source: "default", text: isLegacy ? `a legacy CUDA image without ${name}` : `${name} is not set` };
}
