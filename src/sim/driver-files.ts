import { loaderFlags, mergeLoaderCache, type CacheEntry } from "../linux/index.ts";
import type { Programs } from "./embedded.ts";
import { DRIVER_LIBRARIES, libraryNames, OTHER_LIBRARIES, type SimLibrary } from "./libraries.ts";
import { patchDriverTable, patchSoname } from "./patch.ts";
import type { SimProfile } from "./profile.ts";
import { programFile, textFile, type TreeEntry } from "./tree.ts";

const MULTIARCH = process.arch === "arm64" ? "aarch64-linux-gnu" : "x86_64-linux-gnu";

/** Where the distribution keeps its libraries. */
export function libraryFolder(profile: SimProfile): string {
  return profile.layout === "debian" ? `/usr/lib/${MULTIARCH}` : "/usr/lib64";
}

/** What the driver's packages install: libraries, programs, firmware, configuration; and the libraries of others. */
export function driverFiles(profile: SimProfile, programs: Programs): readonly TreeEntry[] {
  const others = OTHER_LIBRARIES.flatMap((library) => libraryEntries(library, profile, programs));
  if (profile.driver === undefined) return others;
  const { version } = profile.driver;
  return [
    ...others,
    ...DRIVER_LIBRARIES.flatMap((library) => libraryEntries(library, profile, programs)),
    ...extraLibraryEntries(libraryFolder(profile), version, programs),
    programFile("/usr/bin/nvidia-smi", programs.nvidiaSmi),
    ...IDLE_PROGRAMS.map((name) => programFile(`/usr/bin/${name}`, idleProgram(name))),
    ...["gsp_ga10x.bin", "gsp_tu10x.bin"].map((name) => {
      return textFile(`/lib/firmware/nvidia/${version}/${name}`, `simulated ${name} of ${version}\n`);
    }),
    { kind: "socket", path: "/run/nvidia-persistenced/socket", mode: 0o666 },
    ...configurationFiles(version),
  ];
}

const IDLE_PROGRAMS = ["nvidia-debugdump", "nvidia-persistenced", "nvidia-cuda-mps-control", "nvidia-cuda-mps-server"];

function idleProgram(name: string): string {
  return `#!/bin/sh\necho "${name}: a simulated program that does nothing" >&2\nexit 1\n`;
}

function libraryEntries(library: SimLibrary, profile: SimProfile, programs: Programs): readonly TreeEntry[] {
  const { file, soname, linkName } = libraryNames(library, profile.driver?.version ?? "");
  const folder = folderOf(library, profile);
  const entries: TreeEntry[] = [
    {
      kind: "file",
      path: `${folder}/${file}`,
      mode: 0o644,
      content: libraryBytes(library.name, soname, { profile, programs }),
    },
  ];
  if (soname !== file) entries.push({ kind: "link", path: `${folder}/${soname}`, target: file });
  if (linkName !== undefined) entries.push({ kind: "link", path: `${folder}/${linkName}`, target: soname });
  return entries;
}

function folderOf(library: SimLibrary, profile: SimProfile): string {
  const main = libraryFolder(profile);
  return library.folder === undefined ? main : `${main}/${library.folder}`;
}

function libraryBytes(name: string, soname: string, from: { profile: SimProfile; programs: Programs }): Uint8Array {
  if (name === "libnvidia-ml") return patchDriverTable(from.programs.nvml, from.profile);
  if (name === "libcuda") return patchDriverTable(from.programs.cuda, from.profile);
  return patchSoname(from.programs.stub, soname);
}

/** What does not follow the pattern of the others: a second name for GLX, the GBM backend, modules of the X server. */
function extraLibraryEntries(folder: string, version: string, programs: Programs): readonly TreeEntry[] {
  const server = `libglxserver_nvidia.so.${version}`;
  const modules = `${folder.startsWith("/usr/lib64") ? folder : "/usr/lib"}/xorg/modules`;
  const library = (path: string, soname: string): TreeEntry => {
    return { kind: "file", path, mode: 0o644, content: patchSoname(programs.stub, soname) };
  };
  return [
    { kind: "link", path: `${folder}/libGLX_indirect.so.0`, target: `libGLX_nvidia.so.${version}` },
    { kind: "link", path: `${folder}/gbm/nvidia-drm_gbm.so`, target: "../libnvidia-allocator.so.1" },
    library(`${modules}/drivers/nvidia_drv.so`, "nvidia_drv.so"),
    library(`${modules}/extensions/${server}`, server),
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

/** What identifies the distribution, and what tells its loader where the libraries are. */
export function distributionFiles(profile: SimProfile): readonly TreeEntry[] {
  const folder = libraryFolder(profile);
  const identity =
    profile.layout === "debian"
      ? [
          textFile("/etc/debian_version", "12.9\n"),
          textFile("/etc/os-release", 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n'),
        ]
      : [
          textFile("/etc/redhat-release", "Rocky Linux release 9.5 (Blue Onyx)\n"),
          textFile("/etc/os-release", 'ID="rocky"\nID_LIKE="rhel"\nVERSION_ID="9.5"\nPRETTY_NAME="Rocky Linux 9.5"\n'),
        ];
  const { bytes } = mergeLoaderCache(undefined, { add: loaderEntries(profile), removePaths: new Set() });
  return [
    ...identity,
    textFile("/etc/ld.so.conf", "include ld.so.conf.d/*.conf\n"),
    textFile("/etc/ld.so.conf.d/libraries.conf", `${folder}\n${folder}/vdpau\n`),
    { kind: "file", path: "/etc/ld.so.cache", mode: 0o644, content: bytes },
  ];
}

// ldconfig lists a library under its soname and under its link name, each as a path in the library's folder.
function loaderEntries(profile: SimProfile): readonly CacheEntry[] {
  const flags = loaderFlags(process.arch === "arm64" ? "aarch64" : "x86-64");
  const libraries = [...OTHER_LIBRARIES, ...(profile.driver === undefined ? [] : DRIVER_LIBRARIES)];
  return libraries.flatMap((library) => {
    const { soname, linkName } = libraryNames(library, profile.driver?.version ?? "");
    const folder = folderOf(library, profile);
    return [soname, ...(linkName === undefined ? [] : [linkName])].map((name) => {
      return { soname: name, path: `${folder}/${name}`, flags, osVersion: 0, hwcap: 0n };
    });
  });
}
