import { BerthError, escapeControls, type Problem } from "../base/index.ts";
import type { Driver, Host } from "../host/index.ts";
import type { Request } from "../request/index.ts";
import { grantCapabilities } from "./capabilities.ts";
import { grantDevices } from "./devices.ts";
import type { Decision, Grant } from "./grant.ts";
import { checkNodes } from "./nodes.ts";
import type { Policy } from "./policy.ts";

/**
 * Decides what a container gets of `host`, with a reason for each thing, or refuses with code, cause and remedy. A request by the
 * environment of an unprivileged container counts as none where the administrator does not accept it, as in the NVIDIA stack.
 */
export function decide(request: Request, host: Host, policy: Policy): Decision {
  if (request.wants === "nothing") return { kind: "nothing", reason: escapeControls(request.devicesOrigin.text) };
  if (!request.isPrivileged && !policy.acceptEnvWhenUnprivileged) {
    return {
      kind: "nothing",
      reason: `${escapeControls(request.devicesOrigin.text)} is not accepted of an unprivileged container`,
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
  const given = { driver, ...grantDevices(request, host), capabilities };
  checkNodes(given, host);
  checkLibraries(given, host);
  return given;
}

/** A container without a library that it needs would start and fail later, in words that do not lead here. */
function checkLibraries({ capabilities }: Grant, host: Host): void {
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
