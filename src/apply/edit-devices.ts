import {
  BerthError,
  isJsonObject,
  ownField,
  toSafeInteger,
  withField,
  type JsonObject,
  type JsonValue,
} from "../base/index.ts";
import type { DeviceEdit, MountEdit } from "../edits/index.ts";
import { findChangedNode, nodesRemedy, type DeviceNode, type Host } from "../host/index.ts";
import { lookIntoVolume, type ContainerView } from "./container-view.ts";
import { folderOf } from "./paths.ts";
import { hasUserNamespace, listAt, objectAt } from "../oci/index.ts";

/** Throws BERTH-D003 unless every node on this machine still is the device that was granted. */
export function checkDevices(devices: readonly DeviceEdit[], host: Host): void {
  const nodes = devices.map(({ node }) => node);
  const bad = findChangedNode(nodes, host);
  if (bad === undefined) return;
  throw new BerthError({
    code: "BERTH-D003",
    message: `Cannot give the device "${bad.path}": "${bad.hostPath}" is not the character device ${bad.major}:${bad.minor}`,
    remedy: `make the driver's device nodes anew: ${nodesRemedy(host)}`,
  });
}

/**
 * Throws BERTH-P002 for a node whose folder is covered by a volume that does not hold it: the low-level runtime would make the
 * node, or its mount point, in somebody's files. (A container with the host's /dev has the nodes.)
 */
export function checkDevicePlaces(devices: readonly DeviceEdit[], view: ContainerView, bundleDir: string): void {
  for (const { node } of devices) {
    const { cover } = view.folder(folderOf(node.path));
    if (cover?.kind !== "volume" || lookIntoVolume(node.path, view, { bundleDir }).kind !== undefined) continue;
    throw new BerthError({
      code: "BERTH-P002",
      message: `Cannot put "${node.path}" into the container: its folder is covered by the container's own mount on "${cover.destination}"`,
      remedy: `mount the volume on another folder than "${cover.destination}"`,
    });
  }
}

/**
 * The nodes as `linux.devices`, each in the place of one of the same path. In a user namespace, where no node can be made,
 * there is nothing to add: see `deviceMounts`. The device cgroup lets them through either way.
 */
export function editDevices(spec: JsonObject, devices: readonly DeviceEdit[]): JsonObject {
  if (devices.length === 0) return spec;
  const linux = objectAt(spec, "", "linux") ?? {};
  const nodes = devices.map(({ node }) => node);
  const withNodes = hasUserNamespace(spec) ? linux : withField(linux, "devices", addNodes(linux, nodes));
  const resources = objectAt(linux, "/linux", "resources") ?? {};
  const rules = addRules(listAt(resources, "/linux/resources", "devices") ?? [], nodes);
  return withField(spec, "linux", withField(withNodes, "resources", withField(resources, "devices", rules)));
}

/** In a user namespace: the nodes as bind mounts. They must not be `nodev`, or they could not be opened. */
export function deviceMounts(devices: readonly DeviceEdit[]): readonly MountEdit[] {
  return devices.map(({ node, reason }) => {
    return {
      hostPath: node.hostPath,
      containerPath: node.path,
      kind: "config",
      options: ["bind", "nosuid", "noexec"],
      reason,
    };
  });
}

function addNodes(linux: JsonObject, nodes: readonly DeviceNode[]): readonly JsonValue[] {
  const paths = new Set(nodes.map((node) => node.path));
  const others = (listAt(linux, "/linux", "devices") ?? []).filter((device) => {
    const path = isJsonObject(device) ? ownField(device, "path") : undefined;
    return typeof path !== "string" || !paths.has(path);
  });
  return [...others, ...nodes.map(deviceEntry)];
}

function deviceEntry({ path, major, minor, mode, uid, gid }: DeviceNode): JsonObject {
  return { path, type: "c", major, minor, fileMode: mode, uid, gid };
}

/** Later rules win, so a rule that is there counts only when nothing is denied after it. */
function addRules(rules: readonly JsonValue[], nodes: readonly DeviceNode[]): readonly JsonValue[] {
  const lastDenial = rules.findLastIndex((rule) => !isJsonObject(rule) || ownField(rule, "allow") !== true);
  const present = new Set(rules.slice(lastDenial + 1).map(ruleKey));
  const added: JsonObject[] = [];
  for (const { major, minor } of nodes) {
    const rule: JsonObject = { allow: true, type: "c", major, minor, access: "rwm" };
    if (present.has(ruleKey(rule))) continue;
    present.add(ruleKey(rule));
    added.push(rule);
  }
  return [...rules, ...added];
}

/** "195:0" for a rule that lets everything be done with one character device. */
function ruleKey(rule: JsonValue): string {
  if (!isJsonObject(rule) || ownField(rule, "type") !== "c" || ownField(rule, "access") !== "rwm") return "";
  return `${toSafeInteger(ownField(rule, "major"))}:${toSafeInteger(ownField(rule, "minor"))}`;
}
