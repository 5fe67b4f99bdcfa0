import { BerthError, escapeControls } from "../base/index.ts";
import { CAPABILITIES, type Capability } from "../host/index.ts";
import type { Request } from "../request/index.ts";
import type { Policy } from "./policy.ts";
import type { GrantedCapability } from "./grant.ts";

const DEFAULTS: readonly Capability[] = ["compute", "utility"];

/** What of the default an administrator does not allow, as a warning. */
export function missingDefaults(request: Request, policy: Policy): readonly string[] {
  if (request.capabilities !== undefined) return [];
  const cut = DEFAULTS.filter((name) => !policy.supportedCapabilities.includes(name));
  return cut.map(
    (name) => `without the capability ${name}: config.toml does not list it in supported-driver-capabilities`,
  );
}

/**
 * The driver capabilities of a container, sorted: those asked for, all that are supported, or `compute` and `utility`. Throws
 * BERTH-R003 when one is unknown or not supported here.
 */
export function grantCapabilities(request: Request, policy: Policy): GrantedCapability[] {
  const supported = CAPABILITIES.filter((name) => policy.supportedCapabilities.includes(name));
  const reason = escapeControls(request.capabilitiesOrigin.text);
  if (request.capabilities === "all") return supported.map((name) => ({ name, reason }));
  if (request.capabilities === undefined) {
    return DEFAULTS.filter((name) => supported.includes(name)).map((name) => ({
      name,
      reason: `${reason}: the default`,
    }));
  }
  const asked = request.capabilities;
  const unknown = asked.find((name) => !supported.some((other) => other === name));
  if (unknown !== undefined) throw refuse(unknown, supported, reason);
  return supported.filter((name) => asked.includes(name)).map((name) => ({ name, reason }));
}

function refuse(name: string, supported: readonly Capability[], reason: string): BerthError {
  const isKnown = CAPABILITIES.some((other) => other === name);
  const why = isKnown ? "config.toml does not list it in supported-driver-capabilities" : "there is no such capability";
  const message = `Cannot give the driver capability "${escapeControls(name.slice(0, 64))}" (${reason}): ${why}`;
  return new BerthError({
    code: "BERTH-R003",
    message,
    remedy: `ask for ${supported.length === 1 ? "" : "some of "}${supported.join(", ")}, or for all${isKnown ? `; or add ${name} to supported-driver-capabilities in config.toml` : ""}`,
  });
}
