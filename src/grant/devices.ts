import { escapeControls } from "../base/index.ts";
import type { Host } from "../host/index.ts";
import type { Request } from "../request/index.ts";
import { findDevice, refuse, whatThereIs, type FoundDevice } from "./find-device.ts";
import type { Grant, GrantedMigDevice } from "./grant.ts";

type GrantedDevices = Pick<Grant, "gpus" | "migDevices" | "unit">;

/**
 * The devices of a container, by index. `all` is every GPU that is not split by MIG and every MIG device of the others; an index, UUID or PCI address
 * is that whole GPU, whether it is split or not. Throws BERTH-R001 for a device that this host does not have, and for `all` where there is none.
 */
export function grantDevices(request: Request, host: Host): GrantedDevices {
  if (host.unit !== undefined) return { gpus: [], migDevices: [], unit: grantUnit(request, host.unit) };
  const reason = escapeControls(request.devicesOrigin.text);
  const found = request.devices.flatMap((device) =>
    device.kind === "all" ? findAll(host) : [findDevice(device, host)],
  );
  return { ...sortOut(found, reason), unit: undefined };
}

/** Each device once, by index: an index and a UUID may name the same one. */
function sortOut(found: readonly FoundDevice[], reason: string): Pick<Grant, "gpus" | "migDevices"> {
  const gpus = new Set(found.filter(({ mig }) => mig === undefined).map(({ gpu }) => gpu));
  const parts = new Map<unknown, GrantedMigDevice>();
  for (const { gpu, mig } of found) if (mig !== undefined) parts.set(mig, { parent: gpu, device: mig, reason });
  return {
    gpus: [...gpus].toSorted((a, b) => a.index - b.index).map((gpu) => ({ gpu, reason })),
    migDevices: [...parts.values()].toSorted(byPlace),
  };
}

function byPlace(a: GrantedMigDevice, b: GrantedMigDevice): number {
  return (
    a.parent.index - b.parent.index || a.parent.migDevices.indexOf(a.device) - b.parent.migDevices.indexOf(b.device)
  );
}

/** The card of a DGX Station that drives the screen: no GPU to compute on. */
const DISPLAY_CARD = /^(?:NVIDIA )?DGX Display$/;

/** What `all` means on a host, by index: GPUs that are not split, and the MIG devices of the others. */
export function listDevices({ gpus }: Host): readonly FoundDevice[] {
  const usable = gpus.filter(({ model }) => !DISPLAY_CARD.test(model));
  return usable.flatMap((gpu): FoundDevice[] => {
    return gpu.isMigEnabled ? gpu.migDevices.map((mig) => ({ gpu, mig })) : [{ gpu, mig: undefined }];
  });
}

/** Whoever asks for GPUs is never started without one. */
function findAll(host: Host): readonly FoundDevice[] {
  const found = listDevices(host);
  if (found.length > 0) return found;
  if (host.gpus.length === 0) {
    return refuse("any GPU", whatThereIs(host), 'look at "nvidia-smi -L" and "lspci -d 10de:"');
  }
  const why = "MIG is on for every GPU of this host, and no MIG device was made";
  return refuse("any GPU", why, "make some with: nvidia-smi mig -cgi ID -C");
}

/** `all` and `0` are the unit: its parts have no names. */
function grantUnit(request: Request, unit: NonNullable<Host["unit"]>): Grant["unit"] {
  const other = request.devices.find(
    (device) => device.kind !== "all" && !(device.kind === "index" && device.index === 0),
  );
  if (other !== undefined) {
    const why = `the GPUs of this host (${unit.model}) cannot be told apart`;
    return refuse(
      `what ${escapeControls(request.devicesOrigin.text)} asks for`,
      why,
      "ask for all, or for 0, which is the same here",
    );
  }
  return {
    unit,
    hasNodes: request.wants === "devices",
    hasOptional: request.wantsAllCsvFiles,
    reason: escapeControls(request.devicesOrigin.text),
  };
}
