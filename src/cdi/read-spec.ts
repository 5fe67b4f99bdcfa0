import { MAX_JSON_BYTES } from "../base/index.ts";
import {
  fieldAt,
  needInteger,
  needObject,
  needText,
  readBoolean,
  readInteger,
  readItems,
  readObject,
  readText,
  readTexts,
  type Field,
  type ObjectField,
} from "./field.ts";
import { parseJsonSource } from "./parse-json.ts";
import { parseYaml } from "./parse-yaml.ts";
import { fieldError, unreadable, type CdiFormat, type Source } from "./source.ts";
import {
  HOOK_STAGES,
  NO_EDITS,
  type CdiDevice,
  type CdiDeviceNode,
  type CdiEdits,
  type CdiHook,
  type CdiIntelRdt,
  type CdiMount,
  type CdiSpec,
  type HookStage,
} from "./spec.ts";
import { findSpecFault } from "./validate.ts";

const SPEC_FIELDS = ["cdiVersion", "kind", "annotations", "devices", "containerEdits"];
const DEVICE_FIELDS = ["name", "annotations", "containerEdits"];
const EDITS_FIELDS = ["env", "deviceNodes", "mounts", "hooks", "additionalGids", "netDevices", "intelRdt"];
const NODE_FIELDS = ["path", "hostPath", "type", "major", "minor", "fileMode", "permissions", "uid", "gid"];
const MOUNT_FIELDS = ["hostPath", "containerPath", "options", "type"];
const HOOK_FIELDS = ["hookName", "path", "args", "env", "timeout"];
const NET_FIELDS = ["hostInterfaceName", "name"];
const RDT_FIELDS = ["closID", "l3CacheSchema", "memBwSchema", "schemata", "enableCMT", "enableMBM", "enableMonitoring"];

/**
 * A CDI file: JSON when `path` ends in `.json`, else YAML. Strict, as Go's readers are: unknown fields, wrong types and a key twice are
 * refused, and what `findSpecFault` finds. Throws BERTH-F001 (cannot be parsed; over 4 MiB) and BERTH-F002 (a field) with line and column.
 */
export function parseCdiSpec(bytes: Uint8Array, path: string): CdiSpec {
  const source: Source = { path, text: decode(bytes, path), format: formatOf(path) ?? "yaml" };
  const value = source.format === "json" ? parseJsonSource(source, bytes) : parseYaml(source);
  const spec = readSpec(needObject({ source, steps: [], value }, SPEC_FIELDS));
  const fault = findSpecFault(spec);
  if (fault !== undefined) throw fieldError(source, fault);
  return spec;
}

/** The format that a file's name says; undefined: engines do not read it as a CDI file. */
export function formatOf(path: string): CdiFormat | undefined {
  if (path.endsWith(".json")) return "json";
  return path.endsWith(".yaml") ? "yaml" : undefined;
}

function decode(bytes: Uint8Array, path: string): string {
  if (bytes.length > MAX_JSON_BYTES) {
    throw unreadable(path, `it has ${bytes.length} bytes, and ${MAX_JSON_BYTES} are allowed`);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw unreadable(path, "it is not valid UTF-8", cause);
  }
}

function readSpec(object: ObjectField): CdiSpec {
  return {
    cdiVersion: needText(fieldAt(object, "cdiVersion")),
    kind: needText(fieldAt(object, "kind")),
    annotations: readTexts(fieldAt(object, "annotations")),
    devices: readItems(fieldAt(object, "devices")).map(readDevice),
    containerEdits: readEdits(fieldAt(object, "containerEdits")),
  };
}

function readDevice(field: Field): CdiDevice {
  const object = needObject(field, DEVICE_FIELDS);
  return {
    name: needText(fieldAt(object, "name")),
    annotations: readTexts(fieldAt(object, "annotations")),
    containerEdits: readEdits(fieldAt(object, "containerEdits")),
  };
}

function readEdits(field: Field): CdiEdits {
  const object = readObject(field, EDITS_FIELDS);
  if (object === undefined) return NO_EDITS;
  const items = (key: string): readonly Field[] => readItems(fieldAt(object, key));
  return {
    env: items("env").map(needText),
    deviceNodes: items("deviceNodes").map(readDeviceNode),
    mounts: items("mounts").map(readMount),
    hooks: items("hooks").map(readHook),
    additionalGids: items("additionalGids").map(needInteger),
    netDevices: items("netDevices").map((item) => {
      const device = needObject(item, NET_FIELDS);
      return {
        hostInterfaceName: needText(fieldAt(device, "hostInterfaceName")),
        name: needText(fieldAt(device, "name")),
      };
    }),
    intelRdt: readIntelRdt(fieldAt(object, "intelRdt")),
  };
}

function readDeviceNode(field: Field): CdiDeviceNode {
  const object = needObject(field, NODE_FIELDS);
  const text = (key: string): string | undefined => readText(fieldAt(object, key));
  const integer = (key: string): number | undefined => readInteger(fieldAt(object, key));
  return {
    path: needText(fieldAt(object, "path")),
    hostPath: text("hostPath"),
    type: text("type"),
    major: integer("major"),
    minor: integer("minor"),
    fileMode: integer("fileMode"),
    permissions: text("permissions"),
    uid: integer("uid"),
    gid: integer("gid"),
  };
}

function readMount(field: Field): CdiMount {
  const object = needObject(field, MOUNT_FIELDS);
  return {
    hostPath: needText(fieldAt(object, "hostPath")),
    containerPath: needText(fieldAt(object, "containerPath")),
    options: readItems(fieldAt(object, "options")).map(needText),
    type: readText(fieldAt(object, "type")),
  };
}

function readHook(field: Field): CdiHook {
  const object = needObject(field, HOOK_FIELDS);
  return {
    hookName: readStage(fieldAt(object, "hookName")),
    path: needText(fieldAt(object, "path")),
    args: readItems(fieldAt(object, "args")).map(needText),
    env: readItems(fieldAt(object, "env")).map(needText),
    timeout: readInteger(fieldAt(object, "timeout")),
  };
}

function readStage(field: Field): HookStage {
  const text = needText(field);
  const stage = HOOK_STAGES.find((known) => known === text);
  if (stage !== undefined) return stage;
  const { source, steps } = field;
  throw fieldError(source, { steps, why: `is "${text}", and must be one of ${HOOK_STAGES.join(", ")}` });
}

function readIntelRdt(field: Field): CdiIntelRdt | undefined {
  const object = readObject(field, RDT_FIELDS);
  if (object === undefined) return undefined;
  return {
    closID: readText(fieldAt(object, "closID")),
    l3CacheSchema: readText(fieldAt(object, "l3CacheSchema")),
    memBwSchema: readText(fieldAt(object, "memBwSchema")),
    schemata: readItems(fieldAt(object, "schemata")).map(needText),
    enableCMT: readBoolean(fieldAt(object, "enableCMT")),
    enableMBM: readBoolean(fieldAt(object, "enableMBM")),
    enableMonitoring: readBoolean(fieldAt(object, "enableMonitoring")),
  };
}
