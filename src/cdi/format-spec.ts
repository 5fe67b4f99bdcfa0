import { formatYaml, type YamlObject, type YamlValue } from "../text/index.ts";
import type { CdiFormat } from "./source.ts";
import type { CdiDevice, CdiEdits, CdiIntelRdt, CdiSpec } from "./spec.ts";

/**
 * The text of a CDI file, fields in the specification's order and without those that are empty: JSON on one line, or YAML of four spaces
 * that readers of YAML 1.1 and 1.2 take alike. Validates nothing.
 */
export function formatCdiSpec(spec: CdiSpec, format: CdiFormat): string {
  const { cdiVersion, kind, annotations, devices, containerEdits } = spec;
  const value = {
    cdiVersion,
    kind,
    ...prune({ annotations }),
    devices: devices.map(toDevice),
    ...prune({ containerEdits: toEdits(containerEdits) }),
  };
  return format === "yaml" ? formatYaml(value) : `${JSON.stringify(value)}\n`;
}

function toDevice({ name, annotations, containerEdits }: CdiDevice): YamlObject {
  return { name, ...prune({ annotations }), containerEdits: toEdits(containerEdits) };
}

function toEdits({ env, deviceNodes, mounts, hooks, additionalGids, netDevices, intelRdt }: CdiEdits): YamlObject {
  return {
    ...prune({
      env,
      deviceNodes: deviceNodes.map(({ path, hostPath, type, major, minor, fileMode, permissions, uid, gid }) => {
        return prune({ path, hostPath, type, major, minor, fileMode, permissions, uid, gid });
      }),
      mounts: mounts.map(({ hostPath, containerPath, options, type }) => {
        return prune({ hostPath, containerPath, options, type });
      }),
      hooks: hooks.map(({ hookName, path, args, env: variables, timeout }) => {
        return prune({ hookName, path, args, env: variables, timeout });
      }),
      additionalGids,
      netDevices: netDevices.map(({ hostInterfaceName, name }) => ({ hostInterfaceName, name })),
    }),
    // Even an empty one says something: the container gets a class of its own.
    ...(intelRdt && { intelRdt: toIntelRdt(intelRdt) }),
  };
}

function toIntelRdt(rdt: CdiIntelRdt): YamlObject {
  const { closID, l3CacheSchema, memBwSchema, schemata, enableCMT, enableMBM, enableMonitoring } = rdt;
  return prune({ closID, l3CacheSchema, memBwSchema, schemata, enableCMT, enableMBM, enableMonitoring });
}

/** Without what is undefined, false, or has nothing in it. */
function prune(object: Readonly<Record<string, YamlValue | undefined>>): YamlObject {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => !isNothing(value)));
}

function isNothing(value: YamlValue | undefined): boolean {
  return value === undefined || value === false || (typeof value === "object" && Object.keys(value).length === 0);
}
