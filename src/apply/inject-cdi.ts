import { isJsonObject, ownField, withField, type JsonObject, type JsonValue } from "../base/index.ts";
import {
  HOOK_STAGES,
  type CdiDeviceNode,
  type CdiEdits,
  type CdiHook,
  type CdiIntelRdt,
  type CdiMount,
} from "../cdi/index.ts";
import { hasUserNamespace, integerAt, listAt, objectAt, textAt } from "../oci/index.ts";
import { editEnv, editGroups } from "./edit-spec.ts";
import { cleanPath } from "./paths.ts";

/** What a node on this machine is. */
export interface NodeKind {
  readonly type: string;
  readonly major: number;
  readonly minor: number;
}

/** A node of a CDI file whose numbers are known. */
type FullNode = CdiDeviceNode & NodeKind & { readonly hostPath: string };

const REASON = "a CDI file";

/**
 * A spec with the edits of CDI devices, as an engine that reads CDI files makes them: variables replaced by name, nodes and mounts in the place of those of the same path,
 * mounts in the order of their depth, hooks appended. `look` says what a node on this machine is, for what the file leaves out. Rules: CDI 1.1.0, pkg/cdi
 * (container-edits.go); in a user namespace a node of another path is a bind mount, since the low-level runtime would look for it at the container's path.
 */
export function injectCdi(spec: JsonObject, edits: CdiEdits, look: (hostPath: string) => NodeKind): JsonObject {
  const nodes = edits.deviceNodes.map((node) => fillNode(node, look));
  const isBound = ({ hostPath, path }: FullNode): boolean => hasUserNamespace(spec) && hostPath !== path;
  const mounts = [...edits.mounts.map(mountEntry), ...nodes.filter(isBound).map(nodeMount)];
  const env = edits.env.map((entry) => {
    const at = entry.indexOf("=");
    return { name: entry.slice(0, at), value: entry.slice(at + 1), reason: REASON };
  });
  const groups = edits.additionalGids.filter((gid) => gid !== 0).map((gid) => ({ gid, reason: REASON }));
  const inside = editGroups(editEnv(spec, env), groups);
  return addHooks(addMounts(addNodes(addLinux(inside, edits), nodes, isBound), mounts), edits.hooks);
}

function fillNode(node: CdiDeviceNode, look: (hostPath: string) => NodeKind): FullNode {
  const { type, major = 0, minor = 0, hostPath = node.path } = node;
  if (type !== undefined && (type === "p" || major !== 0)) return { ...node, hostPath, type, major, minor };
  const found = look(hostPath);
  const numbers = major === 0 ? { major: found.major, minor: found.minor } : { major, minor };
  return { ...node, hostPath, type: type ?? found.type, ...numbers };
}

function addNodes(spec: JsonObject, nodes: readonly FullNode[], isBound: (node: FullNode) => boolean): JsonObject {
  if (nodes.length === 0) return spec;
  const user = objectAt(objectAt(spec, "", "process"), "/process", "user");
  const owner = {
    uid: integerAt(user, "/process/user", "uid") ?? 0,
    gid: integerAt(user, "/process/user", "gid") ?? 0,
  };
  const linux = objectAt(spec, "", "linux") ?? {};
  const resources = objectAt(linux, "/linux", "resources") ?? {};
  const paths = new Set(nodes.map(({ path }) => path));
  const others = (listAt(linux, "/linux", "devices") ?? []).filter((device) => !paths.has(pathAt(device, "path")));
  const made = nodes.filter((node) => !isBound(node)).map((node) => deviceEntry(node, owner));
  const rules = listAt(resources, "/linux/resources", "devices") ?? [];
  const added = nodes.filter(({ type }) => type === "b" || type === "c").map(ruleEntry);
  const changed = withField(linux, "resources", withField(resources, "devices", [...rules, ...added]));
  return withField(spec, "linux", withField(changed, "devices", [...others, ...made]));
}

/** A node without an owner is the container's user's, if that is not root. */
function deviceEntry(
  { path, type, major, minor, fileMode, uid, gid }: FullNode,
  owner: { uid: number; gid: number },
): JsonObject {
  const optional = { fileMode, uid: uid ?? (owner.uid || undefined), gid: gid ?? (owner.gid || undefined) };
  return { path, type, major, minor, ...withoutUndefined(optional) };
}

function ruleEntry({ type, major, minor, permissions }: FullNode): JsonObject {
  return { allow: true, type, major, minor, access: permissions ?? "rwm" };
}

function mountEntry({ hostPath, containerPath, options, type }: CdiMount): JsonObject {
  return { destination: containerPath, ...withoutUndefined({ type }), source: hostPath, options };
}

function nodeMount({ path, hostPath }: FullNode): JsonObject {
  return { destination: path, type: "bind", source: hostPath, options: ["bind", "nosuid", "noexec"] };
}

function addMounts(spec: JsonObject, mounts: readonly JsonObject[]): JsonObject {
  if (mounts.length === 0) return spec;
  const places = new Set(mounts.map((mount) => cleanPath(pathAt(mount, "destination"))));
  const own = (listAt(spec, "", "mounts") ?? []).filter(
    (mount) => !places.has(cleanPath(pathAt(mount, "destination"))),
  );
  return withField(
    spec,
    "mounts",
    [...own, ...mounts].toSorted((a, b) => depth(a) - depth(b)),
  );
}

function depth(mount: JsonValue): number {
  return cleanPath(pathAt(mount, "destination")).split("/").length;
}

function pathAt(value: JsonValue, key: string): string {
  const path = isJsonObject(value) ? ownField(value, key) : undefined;
  return typeof path === "string" ? path : "";
}

function addHooks(spec: JsonObject, hooks: readonly CdiHook[]): JsonObject {
  return HOOK_STAGES.reduce((before, stage) => {
    const added = hooks.filter(({ hookName }) => hookName === stage).map(hookEntry);
    if (added.length === 0) return before;
    const all = objectAt(before, "", "hooks") ?? {};
    return withField(before, "hooks", withField(all, stage, [...(listAt(all, "/hooks", stage) ?? []), ...added]));
  }, spec);
}

function hookEntry({ path, args, env, timeout }: CdiHook): JsonObject {
  return {
    path,
    ...(args.length > 0 ? { args } : {}),
    ...(env.length > 0 ? { env } : {}),
    ...withoutUndefined({ timeout }),
  };
}

/** Network devices and the limits on caches and memory bandwidth. */
function addLinux(spec: JsonObject, { netDevices, intelRdt }: CdiEdits): JsonObject {
  const linux = objectAt(spec, "", "linux") ?? {};
  const net = objectAt(linux, "/linux", "netDevices") ?? {};
  const withNet = netDevices.reduce(
    (before, { hostInterfaceName, name }) => withField(before, hostInterfaceName, { name }),
    net,
  );
  const changed = netDevices.length === 0 ? linux : withField(linux, "netDevices", withNet);
  const limited = intelRdt === undefined ? changed : withField(changed, "intelRdt", rdtEntry(intelRdt));
  return limited === linux ? spec : withField(spec, "linux", limited);
}

function rdtEntry({ schemata, enableCMT, enableMBM, enableMonitoring, ...texts }: CdiIntelRdt): JsonObject {
  const flags = Object.entries({ enableCMT, enableMBM, enableMonitoring }).filter(([, isOn]) => isOn);
  return {
    ...withoutUndefined({ ...texts, ...Object.fromEntries(flags) }),
    ...(schemata.length > 0 ? { schemata } : {}),
  };
}

function withoutUndefined(fields: Readonly<Record<string, JsonValue | undefined>>): JsonObject {
  return Object.fromEntries(
    Object.entries(fields).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
  );
}

/** Whether an engine has injected a device already: everything that it gives is in the spec. */
export function isInjected(spec: JsonObject, { deviceNodes, mounts }: CdiEdits): boolean {
  const nodes = new Set(
    (listAt(objectAt(spec, "", "linux"), "/linux", "devices") ?? []).map((node) => pathAt(node, "path")),
  );
  const sources = new Map(
    (listAt(spec, "", "mounts") ?? []).map((mount) => [
      cleanPath(pathAt(mount, "destination")),
      isJsonObject(mount) ? textAt(mount, "/mounts", "source") : undefined,
    ]),
  );
  const hasNodes = deviceNodes.every(({ path }) => nodes.has(path) || sources.has(path));
  const hasMounts = mounts.every(({ containerPath, hostPath }) => sources.get(cleanPath(containerPath)) === hostPath);
  return hasNodes && hasMounts && deviceNodes.length + mounts.length > 0;
}
