import { compareVersions } from "../base/index.ts";
import type { CdiDevice, CdiEdits, CdiSpec } from "./spec.ts";

/** The released versions of the specification. Files of the first two are refused: none may be less than `minimumVersion`. */
export const CDI_VERSIONS = [
  "0.1.0",
  "0.2.0",
  "0.3.0",
  "0.4.0",
  "0.5.0",
  "0.6.0",
  "0.7.0",
  "0.8.0",
  "1.0.0",
  "1.1.0",
] as const;
export type CdiVersion = (typeof CDI_VERSIONS)[number];

/** What of a file a version brought. */
interface Novelty {
  readonly version: CdiVersion;
  readonly inSpec?: (spec: CdiSpec) => boolean;
  readonly inDevice?: (device: CdiDevice) => boolean;
  readonly inEdits?: (edits: CdiEdits) => boolean;
}

/** The newest first. 0.8.0 and 1.0.0 changed no field. */
const NOVELTIES: readonly Novelty[] = [
  { version: "1.1.0", inEdits: ({ netDevices, intelRdt }) => netDevices.length > 0 || isNewRdt(intelRdt) },
  {
    version: "0.7.0",
    inEdits: ({ additionalGids, intelRdt }) => additionalGids.length > 0 || intelRdt !== undefined,
  },
  {
    version: "0.6.0",
    inSpec: ({ annotations, kind }) => hasFields(annotations) || /\/.*\./.test(kind),
    inDevice: ({ annotations }) => hasFields(annotations),
  },
  {
    version: "0.5.0",
    inDevice: ({ name }) => /^\d/.test(name),
    inEdits: ({ deviceNodes }) => deviceNodes.some(({ hostPath }) => hostPath !== undefined),
  },
  { version: "0.4.0", inEdits: ({ mounts }) => mounts.some(({ type }) => type !== undefined) },
];

/** The known version that a text names, with or without a leading `v`; undefined: none (container-device-interface 1.1.0, specs-go/version.go). */
export function parseCdiVersion(text: string): CdiVersion | undefined {
  const bare = text.startsWith("v") ? text.slice(1) : text;
  return CDI_VERSIONS.find((version) => version === bare);
}

/** The lowest version that has everything a file uses, whatever version it declares (container-device-interface 1.1.0, specs-go/version.go). */
export function minimumVersion(spec: CdiSpec): CdiVersion {
  return NOVELTIES.find((novelty) => uses(spec, novelty))?.version ?? "0.3.0";
}

/** Whether a version, as a file declares it, is older than another. Throws RangeError for what is no version. */
export function isOlderVersion(declared: string, other: CdiVersion): boolean {
  return compareVersions(declared.replace(/^v/, ""), other) < 0;
}

function uses(spec: CdiSpec, { inSpec, inDevice, inEdits }: Novelty): boolean {
  const edits = [spec.containerEdits, ...spec.devices.map(({ containerEdits }) => containerEdits)];
  return (
    inSpec?.(spec) === true ||
    spec.devices.some((device) => inDevice?.(device)) ||
    edits.some((each) => inEdits?.(each))
  );
}

function isNewRdt(rdt: CdiEdits["intelRdt"]): boolean {
  return rdt !== undefined && (rdt.schemata.length > 0 || rdt.enableMonitoring);
}

function hasFields(object: object): boolean {
  return Object.keys(object).length > 0;
}
