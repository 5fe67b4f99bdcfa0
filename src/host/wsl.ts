import { statSync } from "node:fs";
import { quoteAll } from "../base/index.ts";
import { present, readNode } from "./device-nodes.ts";
import type { DeviceNode, Driver, GpuUnit, UnitItem } from "./host.ts";
import type { Scene } from "./scene.ts";
import { listIfThere, onMachine, resolveInRoot } from "./tree.ts";
import { fileItem, uniqueItems } from "./unit.ts";

const NODE = "/dev/dxg";
const DXCORE = "/usr/lib/wsl/lib/libdxcore.so";
/** One folder below it is what Windows shares of its driver; more of them are what updates left behind. */
export const WSL_STORES = "/usr/lib/wsl/drivers";
const CUDA = "libcuda.so.1.1";
const SMI = "nvidia-smi";

/** Without one of these CUDA, NVML or nvidia-smi fails: dxcore's list in nvidia-container-toolkit. */
const REQUIRED = [
  CUDA,
  "libcuda_loader.so",
  "libnvidia-ptxjitcompiler.so.1",
  "libnvidia-ml.so.1",
  "libnvidia-ml_loader.so",
  "libnvdxgdmal.so.1",
  "nvcubins.bin",
  SMI,
];

/** Whether this is the Windows Subsystem for Linux with a GPU. */
export function isWsl(scene: Scene): boolean {
  return readDxg(scene) !== undefined && resolveInRoot(scene.driverRoot, DXCORE) !== undefined;
}

/** The GPU of Windows: its node, and all that Windows shares of its driver. Undefined, with a warning, when that has no libcuda. */
export function readWslUnit(scene: Scene): { readonly driver: Driver; readonly unit: GpuUnit } | undefined {
  const store = findStore(scene);
  const node = readDxg(scene);
  if (store === undefined || node === undefined) return undefined;
  const names = listIfThere(onMachine(scene.driverRoot, store)) ?? [];
  for (const name of REQUIRED) {
    if (!names.includes(name)) scene.warn(`"${onMachine(scene.driverRoot, `${store}/${name}`)}" does not exist`);
  }
  const wanted = names.filter((name) => /\.so(?:\.[\d.]+)?$|\.bin$/.test(name)).toSorted();
  const files = [DXCORE, ...wanted.map((name) => `${store}/${name}`)].map((path) => fileItem(scene, path, false));
  const items = uniqueItems([{ kind: "node", node, isOptional: false }, ...present(files), ...smiItems(scene, store)]);
  const libraryFolders = [store, "/usr/lib/wsl/lib"];
  return {
    driver: { version: undefined, cuda: undefined, libraryFolders },
    unit: { kind: "wsl", model: "NVIDIA GPU (WSL)", items },
  };
}

/** The program, and the name by which it is found. */
function smiItems(scene: Scene, store: string): readonly UnitItem[] {
  const path = `${store}/${SMI}`;
  const file = fileItem(scene, path, false);
  if (file === undefined) return [];
  const { hostPath } = file;
  return [
    { kind: "binary", path, hostPath, isOptional: false },
    { kind: "link", path: `/usr/bin/${SMI}`, target: path, isOptional: false },
  ];
}

function readDxg(scene: Scene): DeviceNode | undefined {
  return readNode(scene, { path: NODE, majors: [scene.majorOf("misc")] });
}

/** The folder that holds libcuda; of several the newest. Names that no loader configuration could hold are passed over. */
function findStore(scene: Scene): string | undefined {
  const stores = resolveInRoot(scene.driverRoot, WSL_STORES) ?? WSL_STORES;
  const names = (listIfThere(onMachine(scene.driverRoot, stores)) ?? []).filter((name) => /^[\w.+-]+$/.test(name));
  const folders = names.flatMap((name) => {
    const folder = resolveInRoot(scene.driverRoot, `${stores}/${name}`);
    return folder !== undefined && resolveInRoot(scene.driverRoot, `${folder}/${CUDA}`) !== undefined ? [folder] : [];
  });
  const time = (folder: string): number => statSync(onMachine(scene.driverRoot, folder)).mtimeMs;
  const [newest, ...others] = folders.toSorted((a, b) => time(b) - time(a) || (a < b ? -1 : 1));
  const place = onMachine(scene.driverRoot, stores);
  if (newest === undefined) scene.warn(`no folder of "${place}" holds "${CUDA}"`);
  else if (others.length > 0)
    scene.warn(`"${place}" has several drivers: "${newest}" is taken, not ${quoteAll(others)}`);
  return newest;
}
