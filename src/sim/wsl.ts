import { libraryFile, type Source } from "./library-files.ts";
import { formatDevices } from "./proc-devices.ts";
import { deviceNode, programFile, textFile, type TreeEntry } from "./tree.ts";
import { UNIT_NODES } from "./unit-nodes.ts";

const LOADERS = "/usr/lib/wsl/lib";
const STORES = "/usr/lib/wsl/drivers";

/** In /usr/lib/wsl/lib: what programs link to, which finds the driver's own files in its store. File → soname. */
const LOADER_LIBRARIES: Readonly<Record<string, string>> = {
  "libcuda.so": "libcuda.so.1",
  "libcuda.so.1": "libcuda.so.1",
  "libcuda.so.1.1": "libcuda.so.1",
  "libd3d12.so": "libd3d12.so",
  "libd3d12core.so": "libd3d12core.so",
  "libdxcore.so": "libdxcore.so",
  "libnvcuvid.so": "libnvcuvid.so.1",
  "libnvcuvid.so.1": "libnvcuvid.so.1",
  "libnvidia-encode.so": "libnvidia-encode.so.1",
  "libnvidia-encode.so.1": "libnvidia-encode.so.1",
  "libnvidia-ml.so.1": "libnvidia-ml.so.1",
  "libnvidia-opticalflow.so.1": "libnvidia-opticalflow.so.1",
  "libnvoptix.so.1": "libnvoptix.so.1",
};

/** In the driver's store: the driver itself. */
const STORE_LIBRARIES: Readonly<Record<string, string>> = {
  "libcuda.so.1.1": "libcuda.so.1",
  "libcuda_loader.so": "libcuda_loader.so",
  "libnvcuvid.so.1": "libnvcuvid.so.1",
  "libnvdxgdmal.so.1": "libnvdxgdmal.so.1",
  "libnvidia-encode.so.1": "libnvidia-encode.so.1",
  "libnvidia-ml.so.1": "libnvidia-ml.so.1",
  "libnvidia-ml_loader.so": "libnvidia-ml_loader.so",
  "libnvidia-opticalflow.so.1": "libnvidia-opticalflow.so.1",
  "libnvidia-ptxjitcompiler.so.1": "libnvidia-ptxjitcompiler.so.1",
  "libnvwgf2umx.so": "libnvwgf2umx.so",
};

/** A distribution under WSL 2: Windows' driver, mounted, behind /dev/dxg. There is nothing of NVIDIA's in /proc and /sys. */
export function wslTree(source: Source): readonly TreeEntry[] {
  const { profile, programs } = source;
  const { path, major, minor } = UNIT_NODES.wsl;
  const store = storeFolder(profile.driver?.version ?? "");
  return [
    textFile("/proc/devices", formatDevices(profile)),
    textFile("/proc/modules", "overlay 217088 0 - Live 0x0000000000000000\n"),
    textFile("/proc/misc", `${minor} dxg\n`),
    textFile("/proc/version", "Linux version 5.15.167.4-microsoft-standard-WSL2 (root@berth-sim) #1 SMP\n"),
    deviceNode(path, major, minor),
    ...Object.entries(LOADER_LIBRARIES).map(([file, soname]) => libraryFile(`${LOADERS}/${file}`, soname, source)),
    ...Object.entries(STORE_LIBRARIES).map(([file, soname]) => libraryFile(`${store}/${file}`, soname, source)),
    textFile(`${store}/nvcubins.bin`, "simulated nvcubins.bin\n"),
    programFile(`${LOADERS}/nvidia-smi`, programs.nvidiaSmi),
    programFile(`${store}/nvidia-smi`, programs.nvidiaSmi),
    // Laptops have the processor's graphics beside NVIDIA's, with a store of its own.
    libraryFile(`${STORES}/iigd_dch.inf_amd64_73655f941b1dd71f/libigdgmm_w.so.12`, "libigdgmm_w.so.12", source),
  ];
}

/** Windows gives each version of a driver a folder of its own. */
function storeFolder(version: string): string {
  return `${STORES}/nv_dispi.inf_amd64_${Bun.hash(version).toString(16).padStart(16, "0")}`;
}
