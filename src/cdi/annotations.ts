import { BerthError } from "../base/index.ts";
import { parseQualifiedName, type QualifiedName } from "./names.ts";
import type { FieldFault } from "./steps.ts";

const PREFIX = "cdi.k8s.io/";
const MAX_NAME = 63;
const MAX_DOMAIN = 253;
/** Of all keys and values of one object together. */
const MAX_BYTES = 256 * 1024;
const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?$/;
const DOMAIN = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/;

/** One annotation by which a container asks for devices. */
export interface CdiRequest {
  readonly key: string;
  readonly devices: readonly QualifiedName[];
}

/**
 * The requests among a container's annotations, sorted by their keys: `cdi.k8s.io/PLUGIN_DEVICE` with qualified names and commas between.
 * Throws BERTH-R002 for a value that holds anything else (CDI 1.1.0, pkg/cdi/annotations.go).
 */
export function parseCdiAnnotations(annotations: ReadonlyMap<string, string>, prefix = PREFIX): readonly CdiRequest[] {
  const keys = [...annotations.keys()].filter((key) => key.startsWith(prefix)).toSorted();
  return keys.map((key) => {
    const devices = (annotations.get(key) ?? "").split(",").map((text) => {
      const device = parseQualifiedName(text);
      if (device !== undefined) return device;
      throw refuse(`Cannot read the annotation "${key}": "${text}" is no qualified CDI name`);
    });
    return { key, devices };
  });
}

/**
 * The annotation by which the device `deviceId` of a Kubernetes plugin ("vendor.class") asks for CDI devices. Throws BERTH-R002 for a
 * key that Kubernetes would refuse, or a name that is not qualified (CDI 1.1.0, pkg/cdi/annotations.go).
 */
export function formatCdiAnnotation(
  plugin: string,
  deviceId: string,
  devices: readonly string[],
): { readonly key: string; readonly value: string } {
  const name = `${plugin}_${deviceId.replaceAll("/", "_")}`;
  const why = plugin === "" || deviceId === "" ? "plugin and device must have a name" : faultOfName(name);
  if (why !== undefined) throw refuse(`Cannot make an annotation "${PREFIX}${name}": ${why}`);
  for (const device of devices) {
    if (parseQualifiedName(device) !== undefined) continue;
    throw refuse(`Cannot make an annotation "${PREFIX}${name}": "${device}" is no qualified CDI name`);
  }
  return { key: PREFIX + name, value: devices.join(",") };
}

/** The first fault of the annotations of a file or device: Kubernetes' rules for keys, and 256 KiB for all of them together. */
export function findAnnotationFault(annotations: Readonly<Record<string, string>>): FieldFault | undefined {
  let bytes = 0;
  for (const [key, value] of Object.entries(annotations)) {
    const why = faultOfKey(key);
    if (why !== undefined) return { steps: [key], why: `is no key of an annotation: ${why}` };
    bytes += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  return bytes > MAX_BYTES ? { steps: [], why: `has ${bytes} bytes, and ${MAX_BYTES} are allowed` } : undefined;
}

/** `[domain/]name`; capitals count as small letters in the domain. */
function faultOfKey(key: string): string | undefined {
  const parts = key.split("/");
  const name = parts.at(-1) ?? "";
  const domain = parts.slice(0, -1).join("/").toLowerCase();
  if (parts.length === 1) return faultOfName(name);
  if (!DOMAIN.test(domain)) return "what stands before its / is no DNS name";
  return domain.length > MAX_DOMAIN ? `its DNS name is longer than ${MAX_DOMAIN} characters` : faultOfName(name);
}

function faultOfName(name: string): string | undefined {
  if (name.length > MAX_NAME) return `its name is longer than ${MAX_NAME} characters`;
  return NAME.test(name) ? undefined : "its name may have letters, digits and, inside, the signs _ - .";
}

function refuse(message: string): BerthError {
  const remedy = 'write devices as "vendor/class=name", with commas between';
  return new BerthError({ code: "BERTH-R002", message, remedy });
}
