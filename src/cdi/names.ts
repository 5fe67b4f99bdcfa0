/** `vendor/class=name` in its two parts. */
export interface QualifiedName {
  /** "nvidia.com/gpu" */
  readonly kind: string;
  readonly name: string;
}

const LABEL = /^[A-Za-z](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?$/;
const DEVICE = /^[A-Za-z0-9](?:[A-Za-z0-9_.:-]*[A-Za-z0-9])?$/;

/** Whether a text is a vendor: letters, digits, `_`, `-`, `.`, a letter first and no sign last (CDI 1.1.0, "Kind"). */
export function isVendor(text: string): boolean {
  return LABEL.test(text);
}

/** Whether a text is a class: the same grammar as a vendor (CDI 1.1.0, "Kind"). */
export function isClass(text: string): boolean {
  return LABEL.test(text);
}

/** Whether a text names a device: as a class, but also with `:` inside and a digit first (CDI 1.1.0, "CDI Devices"). */
export function isDeviceName(text: string): boolean {
  return DEVICE.test(text);
}

/** Whether a text is `vendor/class` (CDI 1.1.0, "Kind"). */
export function isKind(text: string): boolean {
  const [vendor = "", label = "", ...more] = text.split("/");
  return isVendor(vendor) && isClass(label) && more.length === 0;
}

/** `vendor/class=name` in its parts; undefined: it is no qualified name (CDI 1.1.0, "CDI Devices"). */
export function parseQualifiedName(text: string): QualifiedName | undefined {
  const at = text.indexOf("=");
  const [kind, name] = [text.slice(0, Math.max(at, 0)), text.slice(at + 1)];
  return isKind(kind) && isDeviceName(name) ? { kind, name } : undefined;
}
