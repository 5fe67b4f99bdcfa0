import * as fc from "fast-check";
import { CDI_VERSIONS, HOOK_STAGES, minimumVersion, NO_EDITS, type CdiEdits, type CdiSpec } from "./index.ts";

const uint32 = fc.nat(0xffffffff);
/** Any characters, and what YAML might take for something else. */
const text = fc.oneof(
  fc.string({ unit: "binary", minLength: 1 }).filter((each) => !each.includes("\0")),
  fc.constantFrom("yes", "null", "0:1", "1_000", "0x1f", "~", "- a", "a: b", "/dev/nvidia0", "\u0085", "\u2028", "é\n"),
);
const optional = <T>(each: fc.Arbitrary<T>) => fc.option(each, { nil: undefined });
const env = fc.array(
  fc.tuple(fc.stringMatching(/^[A-Z_]{1,8}$/), text).map(([name, value]) => `${name}=${value}`),
  { maxLength: 3 },
);
const annotations = fc.dictionary(fc.stringMatching(/^[a-z](?:[a-z0-9.]{0,6}[a-z0-9])?$/), text, {
  maxKeys: 2,
  noNullPrototype: true,
});

const edits: fc.Arbitrary<CdiEdits> = fc.record({
  env,
  deviceNodes: fc.array(
    fc.record({
      path: text,
      hostPath: optional(text),
      type: optional(fc.constantFrom("b", "c", "u", "p")),
      major: optional(uint32),
      minor: optional(uint32),
      fileMode: optional(uint32),
      permissions: optional(fc.constantFrom("r", "rw", "rwm")),
      uid: optional(uint32),
      gid: optional(uint32),
    }),
    { maxLength: 2 },
  ),
  mounts: fc.array(
    fc.record({ hostPath: text, containerPath: text, options: fc.array(text, { maxLength: 3 }), type: optional(text) }),
    { maxLength: 2 },
  ),
  hooks: fc.array(
    fc.record({
      hookName: fc.constantFrom(...HOOK_STAGES),
      path: text,
      args: fc.array(text, { maxLength: 3 }),
      env,
      timeout: optional(uint32),
    }),
    { maxLength: 2 },
  ),
  additionalGids: fc.array(uint32, { maxLength: 2 }),
  netDevices: fc.uniqueArray(fc.record({ hostInterfaceName: text, name: text }), {
    maxLength: 2,
    comparator: (a, b) => a.name === b.name || a.hostInterfaceName === b.hostInterfaceName,
  }),
  intelRdt: optional(
    fc.record({
      closID: optional(fc.stringMatching(/^[a-z]{1,5}$/)),
      l3CacheSchema: optional(text),
      memBwSchema: optional(text),
      schemata: fc.array(text, { maxLength: 2 }),
      enableCMT: fc.constant(false),
      enableMBM: fc.constant(false),
      enableMonitoring: fc.boolean(),
    }),
  ),
});

const label = fc.stringMatching(/^[A-Za-z](?:[A-Za-z0-9_.-]{0,6}[A-Za-z0-9])?$/);
const deviceName = fc.stringMatching(/^[A-Za-z0-9](?:[A-Za-z0-9_.:-]{0,6}[A-Za-z0-9])?$/);

/** Any file that keeps the specification's rules. */
export const anySpec: fc.Arbitrary<CdiSpec> = fc
  .record({
    vendor: label,
    label,
    annotations,
    devices: fc.uniqueArray(
      fc.record({ name: deviceName, annotations, containerEdits: edits }).map((device) => {
        return { ...device, containerEdits: { ...device.containerEdits, env: [...device.containerEdits.env, "A=b"] } };
      }),
      { minLength: 1, maxLength: 3, selector: ({ name }) => name },
    ),
    containerEdits: fc.oneof(fc.constant(NO_EDITS), edits),
    newer: fc.nat(CDI_VERSIONS.length - 1),
  })
  .map(({ vendor, label: name, newer, ...rest }) => {
    const spec = { cdiVersion: "1.1.0", kind: `${vendor}/${name}`, ...rest };
    const at = Math.max(newer, CDI_VERSIONS.indexOf(minimumVersion(spec)));
    return { ...spec, cdiVersion: CDI_VERSIONS[at] ?? "1.1.0" };
  });
