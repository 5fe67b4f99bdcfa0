import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { isJsonObject, type JsonObject } from "../base/index.ts";
import { anySpec } from "../cdi/random-spec.test-helper.ts";
import { combineEdits, NO_EDITS, type CdiEdits } from "../cdi/index.ts";
import { injectCdi, isInjected, type NodeKind } from "./inject-cdi.ts";

/** What every node on the machine of these tests is. */
const FOUND: NodeKind = { type: "c", major: 195, minor: 7 };
const look = (): NodeKind => FOUND;

interface ModelMount {
  destination: string;
  type?: string;
  source?: string;
  options?: readonly string[];
}

interface ModelSpec {
  process: { user: { uid: number; gid: number; additionalGids?: number[] }; env: string[] };
  mounts: ModelMount[];
  hooks: Record<string, unknown[]>;
  linux: {
    devices: { path: string }[];
    resources: { devices: unknown[] };
    netDevices: Record<string, unknown>;
    intelRdt?: unknown;
  };
}

const clean = (path: string): string => {
  const parts: string[] = [];
  for (const part of path.split("/")) if (part === "..") parts.pop(); else if (part !== "" && part !== ".") parts.push(part); // prettier-ignore
  return `/${parts.join("/")}`;
};
const defined = (fields: object): object => Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== false && !(Array.isArray(value) && value.length === 0))); // prettier-ignore

/** CDI 1.1.0 in thirty lines: what an engine does with the edits of a device. */
// oxlint-disable-next-line complexity -- it is the specification, rule after rule
function model(spec: ModelSpec, edits: CdiEdits): ModelSpec {
  for (const entry of edits.env) {
    const name = entry.slice(0, entry.indexOf("="));
    const at = spec.process.env.findIndex((other) => other.startsWith(`${name}=`));
    if (at === -1) spec.process.env.push(entry);
    else spec.process.env[at] = entry;
  }
  const { uid, gid } = spec.process.user;
  for (const node of edits.deviceNodes) {
    const isFull = node.type !== undefined && (node.type === "p" || (node.major ?? 0) !== 0);
    const type = node.type ?? FOUND.type;
    const hasMajor = (node.major ?? 0) !== 0;
    const isKept = isFull || hasMajor;
    const major = isKept ? (node.major ?? 0) : FOUND.major;
    const minor = isKept ? (node.minor ?? 0) : FOUND.minor;
    spec.linux.devices = spec.linux.devices.filter(({ path }) => path !== node.path);
    const device = {
      path: node.path,
      type,
      major,
      minor,
      fileMode: node.fileMode,
      uid: node.uid ?? (uid || undefined),
      gid: node.gid ?? (gid || undefined),
    };
    spec.linux.devices.push({ path: node.path, ...defined(device) });
    if (type === "b" || type === "c")
      spec.linux.resources.devices.push({ allow: true, type, major, minor, access: node.permissions ?? "rwm" });
  }
  for (const { hostPath, containerPath, options, type } of edits.mounts) {
    spec.mounts = spec.mounts.filter(({ destination }) => clean(destination) !== clean(containerPath));
    spec.mounts.push({ destination: containerPath, ...defined({ type }), source: hostPath, options });
  }
  if (edits.mounts.length > 0)
    spec.mounts.sort((a, b) => clean(a.destination).split("/").length - clean(b.destination).split("/").length);
  for (const { hookName, ...hook } of edits.hooks) (spec.hooks[hookName] ??= []).push(defined(hook));
  for (const added of edits.additionalGids) if (added !== 0 && added !== gid && !spec.process.user.additionalGids?.includes(added)) (spec.process.user.additionalGids ??= []).push(added); // prettier-ignore
  for (const { hostInterfaceName, name } of edits.netDevices) spec.linux.netDevices[hostInterfaceName] = { name };
  if (edits.intelRdt !== undefined) spec.linux.intelRdt = defined(edits.intelRdt);
  return spec;
}

function makeSpec(uid: number): ModelSpec {
  return {
    process: { user: { uid, gid: uid }, env: ["PATH=/bin", "A=old"] },
    mounts: [{ destination: "/proc" }, { destination: "/a/b/c" }],
    hooks: { prestart: [{ path: "/own" }] },
    linux: { devices: [{ path: "/dev/own" }], resources: { devices: [{ allow: false }] }, netDevices: {} },
  };
}

function toJson(spec: ModelSpec): JsonObject {
  const value: unknown = structuredClone(spec);
  if (isSpec(value)) return value;
  throw new TypeError("no object");
}

function isSpec(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null;
}

/** Each path once: what becomes of two nodes for one path in one file the specification does not say. */
function withoutTwins(edits: CdiEdits): CdiEdits {
  const once = <T>(items: readonly T[], key: (item: T) => string): readonly T[] => [
    ...new Map(items.map((item) => [key(item), item])).values(),
  ];
  return {
    ...edits,
    deviceNodes: once(edits.deviceNodes, ({ path }) => path),
    mounts: once(edits.mounts, ({ containerPath }) => clean(containerPath)),
  };
}

test("a device of any file changes a spec by the specification's rules", () => {
  fc.assert(
    fc.property(anySpec, fc.constantFrom(0, 1000), ({ devices, containerEdits }, uid) => {
      const edits = withoutTwins(
        combineEdits([containerEdits, ...devices.slice(0, 1).map((device) => device.containerEdits)]),
      );
      const injected = injectCdi(toJson(makeSpec(uid)), edits, look);
      expect(JSON.parse(JSON.stringify({ linux: { netDevices: {} }, ...injected }))).toMatchObject(
        JSON.parse(JSON.stringify(model(makeSpec(uid), edits))),
      );
    }),
  );
});

test("injecting the same device twice gives nodes and mounts once", () => {
  const edits: CdiEdits = {
    ...NO_EDITS,
    deviceNodes: [
      {
        path: "/dev/a",
        hostPath: "/h/a",
        type: undefined,
        major: undefined,
        minor: undefined,
        fileMode: 438,
        permissions: "rwm",
        uid: undefined,
        gid: undefined,
      },
    ],
    mounts: [{ hostPath: "/h/lib", containerPath: "/lib/x", options: ["ro", "rbind"], type: undefined }],
  };
  const once = injectCdi(toJson(makeSpec(0)), edits, look);
  const twice = injectCdi(once, edits, look);
  expect(isInjected(toJson(makeSpec(0)), edits)).toBe(false);
  expect(isInjected(once, edits)).toBe(true);
  const { linux, mounts } = twice;
  expect(mounts).toEqual(once["mounts"] ?? null);
  expect(isJsonObject(linux) && linux["devices"]).toEqual([
    { path: "/dev/own" },
    { path: "/dev/a", type: "c", major: 195, minor: 7, fileMode: 438 },
  ]);
});

test("in a user namespace a node of another path on the machine comes as a bind mount, and the cgroup lets it through", () => {
  const spec = { ...makeSpec(0), linux: { ...makeSpec(0).linux, namespaces: [{ type: "user" }] } };
  const node = {
    path: "/dev/a",
    hostPath: "/h/a",
    type: undefined,
    major: undefined,
    minor: undefined,
    fileMode: undefined,
    permissions: undefined,
    uid: undefined,
    gid: undefined,
  };
  const injected = injectCdi(toJson(spec), { ...NO_EDITS, deviceNodes: [node] }, look);
  expect(injected).toMatchObject({
    mounts: [
      { destination: "/proc" },
      { destination: "/dev/a", type: "bind", source: "/h/a", options: ["bind", "nosuid", "noexec"] },
      { destination: "/a/b/c" },
    ],
    linux: {
      devices: [{ path: "/dev/own" }],
      resources: { devices: [{ allow: false }, { allow: true, type: "c", major: 195, minor: 7, access: "rwm" }] },
    },
  });
});
