import { driverLibraries, OTHER_LIBRARIES } from "./libraries.ts";
import {
  libraryEntries,
  libraryEntries32,
  libraryFile,
  libraryFolder,
  libraryFolder32,
  OWN_FOLDER,
  systemLibraryFolder,
  type Source,
} from "./library-files.ts";
import type { SimProfile } from "./profile.ts";
import { programFile, textFile, type TreeEntry } from "./tree.ts";

/** Libraries that every machine has, and that are not the driver's. */
export function otherFiles(source: Source): readonly TreeEntry[] {
  return OTHER_LIBRARIES.flatMap((library) => libraryEntries(library, systemLibraryFolder(source.profile), source));
}

/** What the driver's packages install: libraries, programs, firmware, configuration. */
export function driverFiles(source: Source): readonly TreeEntry[] {
  const { profile, programs } = source;
  if (profile.driver === undefined) return [];
  const { version } = profile.driver;
  return [
    ...driverLibraries(profile).flatMap((library) => libraryEntries(library, libraryFolder(profile), source)),
    ...extraLibraryEntries(version, source),
    ...programEntries(profile, "nvidia-smi", programs.nvidiaSmi),
    ...idlePrograms(source).flatMap((name) => programEntries(profile, name, idleProgram(name))),
    ...["gsp_ga10x.bin", "gsp_tu10x.bin"].map((name) => {
      return textFile(`/lib/firmware/nvidia/${version}/${name}`, `simulated ${name} of ${version}\n`);
    }),
    { kind: "socket", path: "/run/nvidia-persistenced/socket", mode: 0o666 },
    ...configurationFiles(version),
    ...(profile.workstation === undefined ? [] : files32(version, source)),
    ...(profile.gpuDirect === undefined ? [] : gpuDirectFiles()),
  ];
}

function programEntries({ layout }: SimProfile, name: string, content: Uint8Array | string): readonly TreeEntry[] {
  const path = `/usr/bin/${name}`;
  if (layout !== "own-folder") return [programFile(path, content)];
  const own = `${OWN_FOLDER}/bin/${name}`;
  return [programFile(own, content), { kind: "link", path, target: own }];
}

const IDLE_PROGRAMS = ["nvidia-debugdump", "nvidia-persistenced", "nvidia-cuda-mps-control", "nvidia-cuda-mps-server"];

function idlePrograms({ profile }: Source): readonly string[] {
  return [
    ...IDLE_PROGRAMS,
    ...(profile.imex === undefined ? [] : ["nvidia-imex", "nvidia-imex-ctl"]),
    ...(profile.workstation === undefined ? [] : ["nvidia-xconfig"]),
    ...(profile.gpuDirect === undefined ? [] : ["nv-fabricmanager"]),
  ];
}

function idleProgram(name: string): string {
  return `#!/bin/sh\necho "${name}: a simulated program that does nothing" >&2\nexit 1\n`;
}

/** The driver's libraries for 32-bit programs; nothing where there is no compiler for them. */
function files32(version: string, source: Source): readonly TreeEntry[] {
  if (source.programs.stub32 === undefined) return [];
  const folder = libraryFolder32(source.profile);
  const libraries = driverLibraries(source.profile).filter((library) => library.has32Bit === true);
  return [
    ...libraries.flatMap((library) => libraryEntries32(library, folder, source)),
    { kind: "link", path: `${folder}/libGLX_indirect.so.0`, target: `libGLX_nvidia.so.${version}` },
  ];
}

/** Beside the device nodes: what GPUDirect Storage reads, and the fabric manager's socket. */
function gpuDirectFiles(): readonly TreeEntry[] {
  return [
    json("/etc/cufile.json", {
      logging: { level: "ERROR" },
      properties: { use_poll_mode: false, allow_compat_mode: true },
    }),
    textFile("/run/udev/data/b259:0", "E:ID_FS_TYPE=ext4\nG:systemd\n"),
    { kind: "socket", path: "/run/nvidia-fabricmanager/socket", mode: 0o666 },
  ];
}

/** What does not follow the pattern of the others: a second name for GLX, the GBM backend, modules of the X server. */
function extraLibraryEntries(version: string, source: Source): readonly TreeEntry[] {
  const folder = libraryFolder(source.profile);
  const server = `libglxserver_nvidia.so.${version}`;
  const modules = `${folder.startsWith("/usr/lib64") ? folder : "/usr/lib"}/xorg/modules`;
  return [
    { kind: "link", path: `${folder}/libGLX_indirect.so.0`, target: `libGLX_nvidia.so.${version}` },
    { kind: "link", path: `${folder}/gbm/nvidia-drm_gbm.so`, target: "../libnvidia-allocator.so.1" },
    libraryFile(`${modules}/drivers/nvidia_drv.so`, "nvidia_drv.so", source),
    libraryFile(`${modules}/extensions/${server}`, server, source),
    { kind: "link", path: `${modules}/extensions/libglxserver_nvidia.so`, target: server },
  ];
}

function configurationFiles(version: string): readonly TreeEntry[] {
  const vulkan = { library_path: "libGLX_nvidia.so.0", api_version: "1.4.303" };
  return [
    textFile("/etc/OpenCL/vendors/nvidia.icd", "libnvidia-opencl.so.1\n"),
    json("/usr/share/vulkan/icd.d/nvidia_icd.json", { file_format_version: "1.0.1", ICD: vulkan }),
    json("/usr/share/vulkan/implicit_layer.d/nvidia_layers.json", {
      file_format_version: "1.0.0",
      layer: { name: "VK_LAYER_NV_optimus", type: "INSTANCE", ...vulkan, implementation_version: "1" },
    }),
    json("/usr/share/glvnd/egl_vendor.d/10_nvidia.json", icd("libEGL_nvidia.so.0")),
    platform("10_nvidia_wayland.json", "libnvidia-egl-wayland.so.1"),
    platform("15_nvidia_gbm.json", "libnvidia-egl-gbm.so.1"),
    platform("20_nvidia_xcb.json", "libnvidia-egl-xcb.so.1"),
    platform("20_nvidia_xlib.json", "libnvidia-egl-xlib.so.1"),
    textFile("/usr/share/nvidia/nvoptix.bin", `simulated nvoptix.bin of ${version}\n`),
    textFile(`/usr/share/nvidia/nvidia-application-profiles-${version}-rc`, "{}\n"),
    textFile("/usr/share/X11/xorg.conf.d/nvidia-drm-outputclass.conf", OUTPUT_CLASS),
  ];
}

function json(path: string, value: object): TreeEntry {
  return textFile(path, `${JSON.stringify(value, undefined, 4)}\n`);
}

function icd(library: string): object {
  return { file_format_version: "1.0.0", ICD: { library_path: library } };
}

function platform(file: string, library: string): TreeEntry {
  return json(`/usr/share/egl/egl_external_platform.d/${file}`, icd(library));
}

const OUTPUT_CLASS = `Section "OutputClass"
    Identifier "nvidia"
    MatchDriver "nvidia-drm"
    Driver "nvidia"
EndSection
`;
