import { BerthError, escapeControls, type Problem } from "../base/index.ts";
import type { Driver, Host } from "../host/index.ts";
import type { Request } from "../request/index.ts";
import { grantCapabilities } from "./capabilities.ts";
import { decideCompat, type CompatDecision } from "./compat.ts";
import { checkConditions } from "./conditions.ts";
import { grantDevices } from "./devices.ts";
import { grantExtras } from "./extras.ts";
import type { Decision, Grant, GrantedCompat } from "./grant.ts";
import { checkNodes } from "./nodes.ts";
import type { Policy } from "./policy.ts";

/**
 * Decides what a container gets of `host`, with a reason for each thing, or refuses with code, cause and remedy. A request by the
 * environment of an unprivileged container counts as none where the administrator does not accept it, as in the NVIDIA stack.
 */
export function decide(request: Request, host: Host, policy: Policy): Decision {
  const { wants, devicesOrigin, isPrivileged } = request;
  if (wants === "nothing") return { kind: "nothing", reason: escapeControls(devicesOrigin.text) };
  const isOwnWord = devicesOrigin.source === "env" || devicesOrigin.source === "default";
  if (isOwnWord && !isPrivileged && !policy.acceptEnvWhenUnprivileged) {
    return {
      kind: "nothing",
      reason: `${escapeControls(devicesOrigin.text)} is not accepted of an unprivileged container`,
    };
  }
  try {
    return { kind: "granted", grant: grant(request, host, policy) };
  } catch (error) {
    if (!(error instanceof BerthError)) throw error;
    const problem: Problem = { code: error.code, message: error.message, remedy: error.remedy };
    return { kind: "refused", problem };
  }
}

function grant(request: Request, host: Host, policy: Policy): Grant {
  const driver = loadedDriver(host);
  const capabilities = grantCapabilities(request, policy);
  const devices = { ...grantDevices(request, host), capabilities };
  const compat = decideCompat(request, devices, { host, policy });
  const gpus = [...devices.gpus.map(({ gpu }) => gpu), ...devices.migDevices.map(({ parent }) => parent)];
  const unchecked = checkConditions(request, { host, policy, gpus: [...new Set(gpus)], compat });
  const extras = grantExtras(request, host, policy);
  const given: Grant = {
    driver,
    ...devices,
    ...extras,
    compat: usedCompat(compat),
    extras: policy.extras,
    warnings: [...request.warnings.map(escapeControls), ...extras.warnings, ...unchecked],
  };
  checkNodes(given, host);
  checkLibraries(given, host);
  return given;
}

function usedCompat(decision: CompatDecision | undefined): GrantedCompat | undefined {
  if (decision?.isUsed !== true) return undefined;
  return { libraries: decision.compat, reason: escapeControls(decision.reason) };
}

/** A container without a library that it needs would start and fail later, in words that do not lead here. */
function checkLibraries({ capabilities, unit }: Grant, host: Host): void {
  if (unit !== undefined) return;
  const lost = host.missing.find((library) => capabilities.some(({ name }) => library.capabilities.includes(name)));
  if (lost === undefined) return;
  const message = `Cannot give the container the driver's libraries: "${lost.hostPath}" no longer exists, and a link still leads to it`;
  throw new BerthError({ code: "BERTH-D002", message, remedy: "install the driver's libraries again" });
}

function loadedDriver(host: Host): Driver {
  if (host.driver !== undefined) return host.driver;
  const file = `${host.root === "/" ? "" : host.root}/proc/driver/nvidia/version`;
  const message = `Cannot give the container a GPU: the NVIDIA driver is not loaded, there is no "${file}"`;
  throw new BerthError({ code: "BERTH-D001", message, remedy: "modprobe nvidia (or install the NVIDIA driver)" });
}
