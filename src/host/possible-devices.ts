import { present } from "./device-nodes.ts";
import { parseMigMinors } from "./mig.ts";
import { countPciGpus } from "./pci-gpus.ts";
import type { NumberedDevice } from "./plan-links.ts";
import { openScene, readRootText } from "./scene.ts";

const MINORS = "/proc/driver/nvidia-caps/mig-minors";
const MINORS_BYTES = 2 * 1024 * 1024;

/** Devices that may come to be, and the drivers that they need and that /proc/devices does not name. */
export interface PossibleDevices {
  readonly devices: readonly NumberedDevice[];
  readonly missing: readonly string[];
}

/**
 * Every device that the driver of the machine under `root` can have, there or not: of control, of as many GPUs as PCI
 * shows, and of MIG up to the first instance that the driver's table does not name. Rule: `nvidia-ctk system
 * create-dev-char-symlinks --create-all`.
 */
export function listPossibleDevices(root: string): PossibleDevices {
  const scene = openScene(root, {}, () => undefined);
  const table = readRootText(scene, MINORS, MINORS_BYTES);
  const nvidia = scene.majorOf("nvidia") ?? scene.majorOf("nvidia-frontend");
  const uvm = scene.majorOf("nvidia-uvm");
  const caps = scene.majorOf("nvidia-caps");
  if (nvidia === undefined || uvm === undefined || (table !== undefined && caps === undefined)) {
    const names = [nvidia ?? "nvidia", uvm ?? "nvidia-uvm", table === undefined ? 0 : (caps ?? "nvidia-caps")];
    return { devices: [], missing: names.filter((name) => typeof name === "string") };
  }
  const gpus = Array.from({ length: countPciGpus(scene) }, (_, number) => number);
  const devices = [
    numbers("nvidia-modeset", nvidia, 254),
    numbers("nvidiactl", nvidia, 255),
    numbers("nvidia-uvm", uvm, 0),
    numbers("nvidia-uvm-tools", uvm, 1),
    ...gpus.map((gpu) => numbers(`nvidia${gpu}`, nvidia, gpu)),
    ...possibleMinors(table ?? "", gpus).map((minor) => numbers(`nvidia-caps/nvidia-cap${minor}`, caps ?? 0, minor)),
  ];
  return { devices, missing: [] };
}

function numbers(name: string, major: number, minor: number): NumberedDevice {
  return { path: `/dev/${name}`, major, minor };
}

function possibleMinors(table: string, gpus: readonly number[]): readonly number[] {
  const minors = parseMigMinors(table);
  const upToGap = (nameOf: (number: number) => string): readonly string[] => {
    let count = 0;
    while (minors.has(nameOf(count))) count += 1;
    return Array.from({ length: count }, (_, number) => nameOf(number));
  };
  const instances = gpus.flatMap((gpu) => upToGap((number) => `gpu${gpu}/gi${number}/access`));
  const names = instances.flatMap((instance) => {
    return [instance, ...upToGap((number) => instance.replace(/access$/, `ci${number}/access`))];
  });
  return present(["config", "monitor", ...names].map((name) => minors.get(name)));
}
