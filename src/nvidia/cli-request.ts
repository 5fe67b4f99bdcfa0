import { BerthError, escapeControls, type Problem } from "../base/index.ts";
import { decide, type Grant, type Policy } from "../grant/index.ts";
import type { Host } from "../host/index.ts";
import { readPlainRequest, type Request } from "../request/index.ts";
import { PeerError, type Phase } from "./peer-error.ts";

/** What the options of `list` and `configure` ask for. */
export interface Wish {
  /** Ids and `all`, as NVIDIA_VISIBLE_DEVICES has them; none: the driver without a GPU. */
  readonly devices: readonly string[];
  /** As the options name them, without duplicates; none: no capability at all, not the default. */
  readonly capabilities: readonly string[];
  /** Each as one NVIDIA_REQUIRE_* has it. */
  readonly requirements: readonly string[];
  readonly migConfig: readonly string[];
  readonly migMonitor: readonly string[];
  readonly imexChannels: readonly string[];
}

/**
 * The request of a call, made of the variables for which its options stand (peer-behaviour 4.8). The conditions are `NVIDIA_REQUIRE_0`, `_1`, …; it is privileged,
 * since whoever may call this program could do all of it by itself. Throws PeerError for an id that cannot be read, and BERTH-R005.
 */
export function cliRequest(wish: Wish): Request {
  const devices = wish.devices.map((id) => (id.toLowerCase() === "all" ? "all" : id));
  for (const id of devices) {
    const problem = findFault(id);
    if (problem !== undefined) throw unknownDevice(id, problem);
  }
  const request = readWish({ ...wish, devices });
  const { capabilities } = wish;
  const named = capabilities.map((name) => `--${name}`).join(" ");
  return {
    ...request,
    capabilities,
    devicesOrigin: { source: "default", text: devices.length === 0 ? "no --device" : `--device=${devices.join()}` },
    capabilitiesOrigin: { source: "default", text: named === "" ? "no capability was asked for" : named },
  };
}

/** What a request is given here. Throws PeerError for a device that does not exist and for a driver without libraries, else the refusal. */
export function cliGrant(wish: Wish, request: Request, { host, policy }: { host: Host; policy: Policy }): Grant {
  const decision = decide(request, host, policy);
  if (decision.kind === "granted") return decision.grant;
  const { problem } = decision;
  if (problem.code === "BERTH-R001") {
    const only = (id: string): Request => ({ ...cliRequest({ ...wish, devices: [id] }), conditions: [] });
    const missing = wish.devices.find((id) => {
      const alone = decide(only(id), host, policy);
      return alone.kind === "refused" && alone.problem.code === "BERTH-R001";
    });
    throw unknownDevice(missing ?? wish.devices.join(), problem);
  }
  if (problem.code === "BERTH-D002" && host.libraries.length === 0) {
    const words = "load library failed: libnvidia-ml.so.1: cannot open shared object file: no such file or directory";
    throw new PeerError("initialization", words, problem);
  }
  throw new BerthError(problem);
}

function readWish({ devices, requirements, migConfig, migMonitor, imexChannels }: Wish): Request {
  const jetpack = requirements.some((text) => text.startsWith("csv-mounts=all"));
  return readPlainRequest([
    `NVIDIA_VISIBLE_DEVICES=${devices.length === 0 ? "none" : devices.join()}`,
    `NVIDIA_IMEX_CHANNELS=${imexChannels.join()}`,
    `NVIDIA_MIG_CONFIG_DEVICES=${readMig("mig-config", migConfig)}`,
    `NVIDIA_MIG_MONITOR_DEVICES=${readMig("mig-monitor", migMonitor)}`,
    ...(jetpack ? ["NVIDIA_REQUIRE_JETPACK=csv-mounts=all"] : []),
    ...requirements.flatMap((text, at) => (isOfTegra(text) ? [] : [`NVIDIA_REQUIRE_${at}=${text}`])),
  ]);
}

/** Conditions of Tegra images that choose lists, and are none. */
function isOfTegra(text: string): boolean {
  return text.startsWith("csv-mounts=all") || text.startsWith("base-only");
}

function readMig(phase: Phase, ids: readonly string[]): string {
  const other = ids.find((id) => id.toLowerCase() !== "all");
  if (other === undefined) return ids.length === 0 ? "" : "all";
  throw new PeerError(phase, `${other}: only 'all' devices are currently supported`, {
    code: "BERTH-R002",
    message: `Cannot read --${phase}=${other}: MIG is configured and watched on all GPUs or on none`,
    remedy: `give --${phase}=all, or leave it out`,
  });
}

/** Why an id names no device of any machine; undefined: it may name one. */
function findFault(id: string): Problem | undefined {
  try {
    if (readPlainRequest([`NVIDIA_VISIBLE_DEVICES=${id}`]).wants !== "nothing") return undefined;
  } catch (thrown) {
    return BerthError.from(thrown);
  }
  return {
    code: "BERTH-R002",
    message: `Cannot give the device "${escapeControls(id)}": it is none of the driver's`,
    remedy: "name a GPU, or leave --device out, which gives the driver without a GPU",
  };
}

function unknownDevice(id: string, problem: Problem): PeerError {
  return new PeerError("device", `${id}: unknown device`, problem);
}
