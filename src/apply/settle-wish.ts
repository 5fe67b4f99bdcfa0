import { BerthError, escapeControls } from "../base/index.ts";
import type { Host } from "../host/index.ts";
import {
  instancesIn,
  isLack,
  leaseSiteOf,
  lookNow,
  takeForContainer,
  type Given,
  type LeasedDevice,
} from "../leases/index.ts";
import { parseDeviceList, type DeviceRequest, type Request, type Wish } from "../request/index.ts";
import { askerOf } from "./lease-owner.ts";
import type { LeaseScene, Settled } from "./leases.ts";

/** Takes idle GPUs for a container. Throws BERTH-A002 to A012, unless it can do without and all that is wrong is that there is none. */
export async function settle(request: Request, wish: Wish, scene: LeaseScene): Promise<Settled> {
  try {
    const { lease, warnings } = await take(wish, scene);
    const devices = lease.devices.flatMap((device) => toRequest(device, scene.host));
    return { request: { ...request, wish: undefined, devices }, lease: lease.id, why: "", warnings };
  } catch (error) {
    if (!wish.isOptional || !(error instanceof BerthError) || !isLack(error)) throw error;
    const without: Request = { ...request, wish: undefined, wants: "nothing" };
    return { request: without, lease: undefined, why: error.message, warnings: [] };
  }
}

async function take(wish: Wish, scene: LeaseScene): Promise<Given> {
  const { host, config, executable } = scene;
  const site = leaseSiteOf(host);
  const asker = askerOf(scene, lookNow().here);
  const { isUnchecked } = config.leases;
  return takeForContainer(
    site,
    { ...asker, wish, ticket: undefined, userLimit: undefined },
    { executable, isUnchecked },
  );
}

/** By what names it without doubt: its PCI address, and the instances of a MIG device. */
function toRequest({ key, gpuKey, visibleName }: LeasedDevice, { gpus }: Host): readonly DeviceRequest[] {
  if (key === gpuKey) return [{ kind: "pci", bus: key }];
  const gpuUuid = gpus.find(({ bus }) => bus === gpuKey)?.uuid;
  const instances = instancesIn({ key, gpuKey });
  if (gpuUuid === undefined || instances === undefined) return parseDeviceList(escapeControls(visibleName)).devices;
  return [{ kind: "mig-parts", gpuUuid, ...instances }];
}
