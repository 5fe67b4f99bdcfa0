import type { Grant } from "../grant/index.ts";

/** A grant as the JSON of the annotation that records it. Lists that most containers have nothing in are left out when they are empty. */
export function describeGrant(grant: Grant): string {
  const { driver, gpus, migDevices, unit, capabilities, imexChannels, features, migControl, compat } = grant;
  return JSON.stringify({
    driver: driver.version,
    gpus: gpus.map(({ gpu }) => ({ index: gpu.index, uuid: gpu.uuid })),
    migDevices: migDevices.map(({ parent, device: { gpuInstance, computeInstance, uuid } }) => {
      return { parent: parent.index, gpuInstance, computeInstance, uuid };
    }),
    unit: unit?.unit.kind,
    capabilities: capabilities.map(({ name }) => name),
    imexChannels: filled(imexChannels.map(({ node }) => node.minor)),
    features: filled(features.map(({ name }) => name)),
    migControl: filled(migControl.map(({ what }) => what)),
    forwardCompatibility: compat?.libraries.version,
  });
}

function filled<T>(list: readonly T[]): readonly T[] | undefined {
  return list.length === 0 ? undefined : list;
}
