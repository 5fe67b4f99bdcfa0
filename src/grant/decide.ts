import { BerthError, escapeControls, type Problem } from "../base/index.ts";
import type { Driver, Host } from "../host/index.ts";
import { formatWish, type Request } from "../request/index.ts";
import { grantCapabilities, missingDefaults } from "./capabilities.ts";
import { decideCompat, type CompatDecision } from "./compat.ts";
import { checkConditions } from "./conditions.ts";
import { grantDevices } from "./devices.ts";
import { grantExtras } from "./extras.ts";
import type { Decision, Grant, GrantedCompat } from "./grant.ts";
import { checkLibraries } from "./libraries.ts";
import { checkNodes } from "./nodes.ts";
import { gpusOf } from "./gpus-of.ts";
import type { Policy } from "./policy.ts";

/** How much of the container is known. */
export interface Sight {
  /** False: of its image only the configuration, not its files. */
  readonly isImageSeen: boolean;
}

/** Decides what a container gets of `host`, with a reason for each thing, or refuses with code, cause and remedy. */
// oxlint-disable-next-line max-params -- the three that decide, and what hardly anybody changes
export function decide(request: Request, host: Host, policy: Policy, sight: Sight = { isImageSeen: true }): Decision {
  if (request.wants === "nothing") throw new TypeError("a container that asks for nothing is not decided about");
  try {
    return { kind: "granted", grant: grant(request, host, { policy, ...sight }) };
  } catch (error) {
    if (!(error instanceof BerthError)) throw error;
    const problem: Problem = { code: error.code, message: error.message, remedy: error.remedy };
    return { kind: "refused", problem };
  }
}

/** A wish that nobody has settled is neither nothing nor everything. */
function refuseUnsettled({ wish, devicesOrigin }: Request): void {
  if (wish === undefined) return;
  throw new BerthError({
    code: "BERTH-R010",
    message: `Cannot give the container a GPU: ${escapeControls(devicesOrigin.text)} leaves open which, and nothing chooses one here`,
    remedy: `name GPUs by index or UUID, for example those of: berth lease take -g '${formatWish(wish)}'`,
  });
}

function grant(request: Request, host: Host, { policy, isImageSeen }: Sight & { readonly policy: Policy }): Grant {
  refuseUnsettled(request);
  const driver = loadedDriver(host);
  const capabilities = grantCapabilities(request, policy);
  const devices = { ...grantDevices(request, host), capabilities };
  const compat = decideCompat(request, devices, { host, policy });
  const unchecked = checkConditions(request, { host, policy, gpus: gpusOf(devices), compat, isImageSeen });
  const extras = grantExtras(request, host, policy);
  const given: Grant = {
    driver,
    ...devices,
    ...extras,
    compat: usedCompat(compat),
    extras: policy.extras,
    warnings: [
      ...[...request.warnings, ...request.ignored].map(escapeControls),
      ...missingDefaults(request, policy),
      ...extras.warnings,
      ...unchecked,
    ],
  };
  checkNodes(given, host);
  return { ...given, warnings: [...given.warnings, ...checkLibraries(given, host)] };
}

function usedCompat(decision: CompatDecision | undefined): GrantedCompat | undefined {
  if (decision?.isUsed !== true) return undefined;
  return { libraries: decision.compat, reason: escapeControls(decision.reason) };
}

function loadedDriver(host: Host): Driver {
  if (host.driver !== undefined) return host.driver;
  const { why, remedy } = host.absence ?? { why: "the NVIDIA driver is not loaded", remedy: "modprobe nvidia" };
  throw new BerthError({ code: "BERTH-D001", message: `Cannot give the container a GPU: ${why}`, remedy });
}
