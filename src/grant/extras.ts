import { BerthError, escapeControls } from "../base/index.ts";
import { nodesRemedy, type Host } from "../host/index.ts";
import type { Request } from "../request/index.ts";
import type { Grant } from "./grant.ts";
import type { Policy } from "./policy.ts";

type GrantedExtras = Pick<Grant, "imexChannels" | "features" | "migControl" | "warnings">;

/**
 * What a container gets beside its devices. Throws BERTH-R005 for an IMEX channel that does not exist, and R008 for MIG control without privileges. Rule: the NVIDIA
 * container stack.
 */
export function grantExtras(request: Request, host: Host, policy: Policy): GrantedExtras {
  const imex = grantChannels(request, host, policy);
  const empty = request.features.filter(({ name }) => host.features[name].nodes.length === 0);
  return {
    imexChannels: imex.imexChannels,
    features: request.features.map(({ name, origin }) => {
      return { name, files: host.features[name], reason: escapeControls(origin.text) };
    }),
    migControl: grantMigControl(request, host),
    warnings: [
      ...imex.warnings,
      ...empty.map(({ origin }) => `${escapeControls(origin.text)}: this host has no such device`),
    ],
  };
}

function grantChannels(
  { imexChannels: asked }: Request,
  host: Host,
  { ignoreImexChannelRequests }: Policy,
): Pick<Grant, "imexChannels" | "warnings"> {
  const [first] = asked;
  if (first === undefined) return { imexChannels: [], warnings: [] };
  const text = escapeControls(first.origin.text);
  if (ignoreImexChannelRequests) {
    const warning = `${text} does not count: config.toml says ignore-imex-channel-requests`;
    return { imexChannels: [], warnings: [warning] };
  }
  const nodes = asked.map(({ channel }) => {
    return host.imexChannels.find(({ minor }) => minor === channel) ?? refuseChannel(channel, text, host);
  });
  return { imexChannels: nodes.map((node) => ({ node, reason: text })), warnings: [] };
}

function refuseChannel(channel: number, text: string, host: Host): never {
  const there = host.imexChannels.map(({ minor }) => minor);
  const some = there.length > 8 ? `${there.slice(0, 8).join(", ")}, …` : there.join(", ");
  throw new BerthError({
    code: "BERTH-R005",
    message: `Cannot give the IMEX channel ${channel} (${text}): this host has ${there.length === 0 ? "none" : `only ${some}`}`,
    remedy: `ask for one that is in /dev/nvidia-caps-imex-channels, or make it there with mknod (the major is in /proc/devices)`,
  });
}

/** The right to reshape every GPU of the machine is given only to whoever could take it. */
function grantMigControl({ migControl, isPrivileged }: Request, host: Host): Grant["migControl"] {
  const [first] = migControl;
  if (first !== undefined && !isPrivileged) {
    throw new BerthError({
      code: "BERTH-R008",
      message: `Cannot give the right to ${first.what === "config" ? "configure" : "watch"} MIG (${escapeControls(first.origin.text)}): the container is not privileged`,
      remedy: "start it with --privileged (or --cap-add SYS_ADMIN), or without that variable",
    });
  }
  return migControl.map(({ what, origin }) => {
    const node = host.migControl[what];
    if (node !== undefined) return { what, node, reason: escapeControls(origin.text) };
    throw new BerthError({
      code: "BERTH-D003",
      message: `Cannot give the right to ${what === "config" ? "configure" : "watch"} MIG: its node in /dev/nvidia-caps is missing or is another device`,
      remedy: nodesRemedy(host),
    });
  });
}
