import { libraryFile, MULTIARCH, type Source } from "./library-files.ts";
import { formatDevices } from "./proc-devices.ts";
import { deviceNode, textFile, type TreeEntry } from "./tree.ts";
import { UNIT_NODES } from "./unit-nodes.ts";

const MAIN = `/usr/lib/${MULTIARCH}`;
const TEGRA = `${MAIN}/tegra`;
const CSV = "/etc/nvidia-container-runtime/host-files-for-container.d";

const VIDEO_GROUP = 44;
const DRM_MAJOR = 226;
const MISC_MAJOR = 10;
const { tegra: GPU_NODE } = UNIT_NODES;

/** Path → major and minor; real machines number all but graphics by order of loading. */
const NODES: Readonly<Record<string, readonly [major: number, minor: number]>> = {
  "/dev/dri/card0": [DRM_MAJOR, 0],
  "/dev/dri/renderD128": [DRM_MAJOR, 128],
  "/dev/nvhost-as-gpu": [GPU_NODE.major, 0],
  [GPU_NODE.path]: [GPU_NODE.major, GPU_NODE.minor],
  "/dev/nvhost-ctrl-gpu": [GPU_NODE.major, 2],
  "/dev/nvhost-dbg-gpu": [GPU_NODE.major, 3],
  "/dev/nvhost-prof-gpu": [GPU_NODE.major, 4],
  "/dev/nvhost-tsg-gpu": [GPU_NODE.major, 5],
  "/dev/nvhost-ctrl": [506, 0],
  "/dev/nvhost-vic": [506, 1],
  "/dev/nvmap": [MISC_MAJOR, 62],
};

/** A Jetson with L4T 35: no PCI device and nothing in /proc/driver/nvidia; CSV files say what a container gets. */
export function tegraTree(source: Source): readonly TreeEntry[] {
  const { profile } = source;
  const version = profile.driver?.version ?? "";
  return [
    textFile("/proc/devices", formatDevices(profile)),
    textFile("/proc/modules", "nvgpu 2662400 0 - Live 0x0000000000000000\n"),
    textFile("/proc/device-tree/model", "NVIDIA Jetson AGX Orin Developer Kit\0"),
    textFile("/sys/devices/soc0/family", "Tegra\n"),
    textFile("/sys/devices/soc0/machine", "NVIDIA Jetson AGX Orin Developer Kit\n"),
    textFile("/etc/nv_tegra_release", formatRelease(version)),
    ...Object.entries(NODES).map(([path, [major, minor]]) => {
      return deviceNode(path, major, minor, { mode: 0o660, group: VIDEO_GROUP });
    }),
    link("/dev/dri/by-path/platform-13e00000.host1x-card", "../card0"),
    ...libraries(version, source),
    ...otherFiles(),
    ...csvFiles(version),
  ];
}

function formatRelease(version: string): string {
  const [release, ...revision] = version.split(".");
  return `# R${release} (release), REVISION: ${revision.join(".")}, GCID: 33958178, BOARD: t186ref, EABI: aarch64, DATE: Tue Aug  1 19:57:35 UTC 2023\n`;
}

function libraries(version: string, source: Source): readonly TreeEntry[] {
  const library = (path: string, soname: string) => libraryFile(path, soname, source);
  return [
    library(`${TEGRA}/libcuda.so.1.1`, "libcuda.so.1"),
    link(`${TEGRA}/libcuda.so.1`, "libcuda.so.1.1"),
    link(`${TEGRA}/libcuda.so`, "libcuda.so.1.1"),
    link(`${MAIN}/libcuda.so`, "tegra/libcuda.so"),
    library(`${TEGRA}/libnvidia-nvvm.so.${version}`, "libnvidia-nvvm.so.4"),
    link(`${TEGRA}/libnvidia-nvvm.so.4`, `libnvidia-nvvm.so.${version}`),
    library(`${TEGRA}/libnvidia-ptxjitcompiler.so.${version}`, "libnvidia-ptxjitcompiler.so.1"),
    link(`${TEGRA}/libnvidia-ptxjitcompiler.so.1`, `libnvidia-ptxjitcompiler.so.${version}`),
    ...["libnvos.so", "libnvrm_gpu.so", "libnvrm_mem.so"].map((name) => library(`${TEGRA}/${name}`, name)),
    library(`${TEGRA}/libnvidia-eglcore.so.${version}`, `libnvidia-eglcore.so.${version}`),
    library(`${TEGRA}-egl/libEGL_nvidia.so.0`, "libEGL_nvidia.so.0"),
    library(`${MAIN}/libcudnn.so.8.6.0`, "libcudnn.so.8"),
    link(`${MAIN}/libcudnn.so.8`, "libcudnn.so.8.6.0"),
  ];
}

function link(path: string, target: string): TreeEntry {
  return { kind: "link", path, target };
}

function otherFiles(): readonly TreeEntry[] {
  const icd = { file_format_version: "1.0.0", ICD: { library_path: "libGLX_nvidia.so.0", api_version: "1.3.212" } };
  return [
    textFile(`${TEGRA}/nvidia_icd.json`, `${JSON.stringify(icd, undefined, 4)}\n`),
    link("/etc/vulkan/icd.d/nvidia_icd.json", `${TEGRA}/nvidia_icd.json`),
    textFile("/lib/firmware/tegra23x/nvhost_nvdec050_desc_prod.bin", "simulated firmware\n"),
    textFile("/usr/src/cudnn_samples_v8/README", "simulated samples\n"),
  ];
}

/** As NVIDIA's packages write them, with what real ones have too: globs, a line without a comma, files that are not there. */
function csvFiles(version: string): readonly TreeEntry[] {
  const graphics = ["dev, /dev/dri/card*", "dev, /dev/dri/renderD*", "dir, /dev/dri/by-path", "dev, /dev/fb0"];
  const others = Object.keys(NODES).filter((path) => !path.startsWith("/dev/dri/"));
  return [
    csv("devices", [...graphics, ...others.map((path) => `dev, ${path}`)]),
    csv("drivers", [
      `lib, ${TEGRA}/libcuda.so.1.1`,
      `lib, ${TEGRA}/libnvidia-nvvm.so.${version}`,
      `lib, ${TEGRA}/libnvidia-ptxjitcompiler.so.${version}`,
      `lib, ${TEGRA}/libnvos.so`,
      `lib, ${TEGRA}/libnvrm_gpu.so`,
      `lib, ${TEGRA}/libnvrm_mem.so`,
      `lib, ${TEGRA}/libnvscf.so`,
      `lib ${TEGRA}/libnvdc.so`,
      "",
      `sym, ${MAIN}/libcuda.so`,
      `sym, ${TEGRA}/libcuda.so`,
      `sym, ${TEGRA}/libcuda.so.1`,
      `sym, ${TEGRA}/libnvidia-nvvm.so.4`,
      `sym, ${TEGRA}/libnvidia-ptxjitcompiler.so.1`,
    ]),
    csv("l4t", [
      "dir, /lib/firmware/tegra23x",
      `lib, ${TEGRA}/libnvidia-eglcore.so.${version}`,
      `lib, ${TEGRA}-egl/libEGL_nvidia.so.0`,
      `lib, ${TEGRA}/nvidia_icd.json`,
      "sym, /etc/vulkan/icd.d/nvidia_icd.json",
    ]),
    csv("cudnn", [`lib, ${MAIN}/libcudnn.so.8.6.0`, `sym, ${MAIN}/libcudnn.so.8`, "dir, /usr/src/cudnn_samples_v8"]),
  ];
}

function csv(name: string, lines: readonly string[]): TreeEntry {
  return textFile(`${CSV}/${name}.csv`, `${lines.join("\n")}\n`);
}
