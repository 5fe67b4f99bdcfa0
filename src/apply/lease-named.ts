import { BerthError } from "../base/index.ts";
import type { Grant } from "../grant/index.ts";
import { leaseSiteOf, lookNow, migKey, useForContainer } from "../leases/index.ts";
import type { Request } from "../request/index.ts";
import { askerOf } from "./lease-owner.ts";
import type { LeaseScene, Named } from "./leases.ts";

/** What the lease store says of itself where it cannot be used: who only names GPUs gets them all the same. */
const STORE_FAULTS: readonly string[] = ["BERTH-A005", "BERTH-A006", "BERTH-A007", "BERTH-A011"];

/** Writes down who has the granted devices. Throws BERTH-A013 where the policy keeps one from the container, and for an exclusive claim what `openStore` throws. */
export async function holdNamed(grant: Grant, request: Request, scene: LeaseScene): Promise<Named> {
  try {
    return await hold(grant, request, scene);
  } catch (error) {
    const isStore = error instanceof BerthError && STORE_FAULTS.includes(error.code);
    if (!isStore || request.claim === "exclusive") throw error;
    return { lease: undefined, warnings: [`who has its GPUs is written down nowhere: ${error.message}`] };
  }
}

async function hold(grant: Grant, { claim = "shared", devicesOrigin }: Request, scene: LeaseScene): Promise<Named> {
  const asker = askerOf(scene, lookNow().here);
  const asking = { ...asker, keys: keysOf(grant), mode: claim, words: devicesOrigin.text };
  const { executable, config } = scene;
  const options = { executable, isUnchecked: config.leases.isUnchecked };
  const { lease, warnings } = await useForContainer(leaseSiteOf(scene.host), asking, options);
  return { lease: lease.id, warnings };
}

/** As the lease store knows GPUs and MIG devices. */
function keysOf({ gpus, migDevices }: Grant): readonly string[] {
  return [...gpus.map(({ gpu }) => gpu.bus), ...migDevices.map(({ parent, device }) => migKey(parent.bus, device))];
}
