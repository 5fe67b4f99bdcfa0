import { describeHost, learn, type Host, type SceneOptions } from "../host/index.ts";

export interface DescribedHost {
  readonly host: Host;
  /** A sentence each. */
  readonly warnings: readonly string[];
}

/**
 * The host with the UUIDs of its GPUs and the numbers of its MIG devices. Where they are needed and no file says them the driver is asked, in a child of `executable` (berth
 * itself, absolute) and with a deadline; what it does not say is a warning. Throws BERTH-D004.
 */
export async function describeNamed(
  root: string,
  scene: SceneOptions,
  { executable, isNeeded }: { readonly executable: string; readonly isNeeded: boolean },
): Promise<DescribedHost> {
  const host = describeHost(root, scene);
  const isKnown = host.gpus.every(({ uuid, migDevices }) => {
    return uuid !== undefined && migDevices.every((mig) => mig.uuid !== undefined && mig.index !== undefined);
  });
  if (!isNeeded || isKnown) return { host, warnings: [] };
  const { learnt, complaints } = await learn(host, executable);
  return { host: describeHost(root, { ...scene, learnt }), warnings: complaints };
}
