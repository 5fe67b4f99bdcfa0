import type { CdiDeviceNode, CdiEdits, CdiHook, CdiSpec, HookStage } from "./spec.ts";
import { isOlderVersion, minimumVersion } from "./version.ts";

/** Another root for the paths of one side. */
export interface RootChange {
  readonly from: string;
  readonly to: string;
  readonly relativeTo: "host" | "container";
}

/** They are started inside, in the container's mounts. */
const INSIDE: readonly HookStage[] = ["createContainer", "startContainer"];

type ChangePath = (path: string) => string;

/**
 * A file whose paths begin with `to` where they began with `from`, on the host's or the container's side; a path counts only up to a `/`. A hook's
 * arguments are on the side where it runs, a part between `::` counts as a whole one. Rule: nvidia-ctk cdi transform root.
 */
export function transformRoot(spec: CdiSpec, { from, to, relativeTo }: RootChange): CdiSpec {
  const change = changeWith(withoutSlash(from), withoutSlash(to));
  const edit = relativeTo === "host" ? changeHost : changeContainer;
  const devices = spec.devices.map((device) => ({ ...device, containerEdits: edit(device.containerEdits, change) }));
  const changed = { ...spec, devices, containerEdits: edit(spec.containerEdits, change) };
  // A host path of its own is a field of a later version.
  const minimum = minimumVersion(changed);
  return isOlderVersion(spec.cdiVersion, minimum) ? { ...changed, cdiVersion: minimum } : changed;
}

/** The root itself is the empty text. */
function withoutSlash(path: string): string {
  return path.replace(/\/+$/, "");
}

function changeWith(from: string, to: string): ChangePath {
  return (path) => {
    if (from === to || !path.startsWith("/") || !`${path}/`.startsWith(`${from}/`)) return path;
    return `${to}${path.slice(from.length)}` || "/";
  };
}

function changeHost(edits: CdiEdits, change: ChangePath): CdiEdits {
  return {
    ...edits,
    deviceNodes: edits.deviceNodes.map((node) => withHostPath(node, change(node.hostPath ?? node.path))),
    mounts: edits.mounts.map((mount) => ({ ...mount, hostPath: change(mount.hostPath) })),
    hooks: edits.hooks.map((hook) => {
      const path = hook.hookName === "startContainer" ? hook.path : change(hook.path);
      return { ...hook, path, args: INSIDE.includes(hook.hookName) ? hook.args : changeArgs(hook, change) };
    }),
  };
}

function changeContainer(edits: CdiEdits, change: ChangePath): CdiEdits {
  return {
    ...edits,
    deviceNodes: edits.deviceNodes.map((node) => {
      const path = change(node.path);
      return withHostPath({ ...node, path }, node.hostPath ?? node.path);
    }),
    mounts: edits.mounts.map((mount) => ({ ...mount, containerPath: change(mount.containerPath) })),
    hooks: edits.hooks.map((hook) => {
      const path = hook.hookName === "startContainer" ? change(hook.path) : hook.path;
      return { ...hook, path, args: INSIDE.includes(hook.hookName) ? changeArgs(hook, change) : hook.args };
    }),
  };
}

/** The node on the machine stays the one that it was; it is only said where it differs or was said before. */
function withHostPath(node: CdiDeviceNode, hostPath: string): CdiDeviceNode {
  return node.hostPath === undefined && hostPath === node.path ? node : { ...node, hostPath };
}

function changeArgs({ args }: CdiHook, change: ChangePath): readonly string[] {
  return args.map((arg) => arg.split("::").map(change).join("::"));
}
