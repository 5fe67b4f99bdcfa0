import { lstatSync, readlinkSync } from "node:fs";
import { basename } from "node:path";
import { errnoCode } from "../base/index.ts";
import { comparePciAddresses } from "./gpu-names.ts";
import { listRoot, openScene, readRootText, type Scene } from "./scene.ts";
import { onMachine } from "./tree.ts";

const DEVICES = "/sys/bus/pci/devices";
const VENDOR = "0x10de";
/** VGA and 3D controllers (PCI Code and ID Assignment Specification, class 03h). */
const CLASSES = /^0x030[02]/;

/** A GPU of NVIDIA on the PCI bus, whatever driver it has. */
export interface PciGpu {
  /** "0000:1b:00.0" */
  readonly bus: string;
  /** "nvidia", "vfio-pci", "nouveau"; undefined: none. */
  readonly driver: string | undefined;
}

/** The GPUs of NVIDIA in the machine under `root`, in order of their addresses. */
export function listPciGpus(root: string): readonly PciGpu[] {
  return readPciGpus(openScene(root, {}, () => undefined));
}

/** How many of them no other driver has (nouveau, vfio-pci), whether one is loaded for them or not. */
export function countPciGpus(scene: Scene): number {
  return readPciGpus(scene).filter(({ driver }) => driver === undefined || driver === "nvidia").length;
}

function readPciGpus(scene: Scene): readonly PciGpu[] {
  const gpus = listRoot(scene, DEVICES).filter((bus) => isGpu(scene, bus));
  return gpus.toSorted(comparePciAddresses).map((bus) => ({ bus, driver: driverOf(scene, bus) }));
}

function isGpu(scene: Scene, bus: string): boolean {
  const read = (name: string): string => readRootText(scene, `${DEVICES}/${bus}/${name}`)?.trim() ?? "";
  return read("vendor") === VENDOR && CLASSES.test(read("class"));
}

function driverOf({ root }: Scene, bus: string): string | undefined {
  const link = onMachine(root, `${DEVICES}/${bus}/driver`);
  try {
    return lstatSync(link, { throwIfNoEntry: false })?.isSymbolicLink() === true
      ? basename(readlinkSync(link))
      : undefined;
  } catch (error) {
    if (errnoCode(error) === "ENOENT" || errnoCode(error) === "ENOTDIR") return undefined;
    throw error;
  }
}
