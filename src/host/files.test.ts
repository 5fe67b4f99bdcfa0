import { afterAll, describe, expect, test } from "bun:test";
import { chownSync, mkdirSync, rmSync } from "node:fs";
import { describeHost } from "./describe.ts";
import { loaderCache, makeEmptyRoot, put, putLibrary, putLink, VERSION, versionText } from "./fake-root.test-helper.ts";

const roots: string[] = [];
afterAll(() => roots.forEach((root) => rmSync(root, { recursive: true })));

function makeRoot(): string {
  const root = makeEmptyRoot();
  roots.push(root);
  put(root, "/proc/driver/nvidia/version", versionText(VERSION));
  return root;
}

function files(root: string): readonly string[] {
  return describeHost(root).files.map(({ kind, path, hostPath }) => `${kind} ${path} <- ${hostPath.replace(root, "")}`);
}

describe("files", () => {
  test("programs are listed with their capabilities", () => {
    const root = makeRoot();
    for (const name of ["nvidia-smi", "nvidia-debugdump", "nvidia-cuda-mps-control", "nvidia-settings"])
      put(root, `/usr/bin/${name}`, "");
    expect(describeHost(root).files.map(({ path, capabilities }) => [path, capabilities])).toEqual([
      ["/usr/bin/nvidia-smi", ["utility"]],
      ["/usr/bin/nvidia-debugdump", ["utility"]],
      ["/usr/bin/nvidia-cuda-mps-control", ["compute"]],
    ]);
  });

  test.each([
    ["nvidia-smi", ["utility"]],
    ["nvidia-persistenced", ["utility"]],
    ["nv-fabricmanager", ["utility"]],
    ["nvidia-cuda-mps-server", ["compute"]],
    ["nvidia-imex", ["compute"]],
    ["nvidia-imex-ctl", ["compute"]],
    ["nvidia-xconfig", ["display", "graphics"]],
  ] as const)("the program %s belongs to %j", (name, capabilities) => {
    const root = makeRoot();
    put(root, `/usr/bin/${name}`, "");
    expect(describeHost(root).files).toMatchObject([{ kind: "binary", path: `/usr/bin/${name}`, capabilities }]);
  });

  test("a program keeps the name it is found by, and its real file is behind the links", () => {
    const root = makeRoot();
    put(root, "/usr/lib/nvidia/current/nvidia-smi", "");
    putLink(root, "/etc/alternatives/nvidia-smi", "/usr/lib/nvidia/current/nvidia-smi");
    putLink(root, "/usr/bin/nvidia-smi", "/etc/alternatives/nvidia-smi");
    putLink(root, "/bin", "usr/bin");
    expect(files(root)).toEqual(["binary /usr/bin/nvidia-smi <- /usr/lib/nvidia/current/nvidia-smi"]);
  });

  test("a script that starts the driver's own program gives way to it, and stands where a container looks for it", () => {
    const root = makeRoot();
    putLibrary(root, "/usr/local/nvidia/lib64", { stem: "libcuda" });
    put(root, "/etc/ld.so.cache", loaderCache("/usr/local/nvidia/lib64/libcuda.so.1"));
    put(root, "/usr/bin/nvidia-smi", '#!/bin/sh\nexec /usr/local/nvidia/bin/nvidia-smi "$@"\n');
    put(root, "/usr/local/nvidia/bin/nvidia-smi", "\x7fELF");
    put(root, "/usr/bin/nvidia-debugdump", "#!/bin/sh\n");
    put(root, "/usr/local/nvidia/bin/nvidia-persistenced", "\x7fELF");
    put(root, "/usr/local/nvidia/bin/nvidia-cuda-mps-control", "#!/bin/sh\n");
    expect(files(root)).toEqual([
      "binary /usr/bin/nvidia-smi <- /usr/local/nvidia/bin/nvidia-smi",
      "binary /usr/bin/nvidia-debugdump <- /usr/bin/nvidia-debugdump",
      "binary /usr/bin/nvidia-persistenced <- /usr/local/nvidia/bin/nvidia-persistenced",
    ]);
  });

  test("a folder or a link to nothing is no program", () => {
    const root = makeRoot();
    mkdirSync(`${root}/usr/bin/nvidia-smi`, { recursive: true });
    putLink(root, "/usr/bin/nvidia-debugdump", "/none");
    expect(files(root)).toEqual([]);
  });

  test("every gsp*.bin of the driver's version is firmware for every container", () => {
    const root = makeRoot();
    for (const name of ["gsp_tu10x.bin", "gsp_ga10x.bin", "gsp.txt"])
      put(root, `/lib/firmware/nvidia/${VERSION}/${name}`, "");
    put(root, "/lib/firmware/nvidia/535.1.1/gsp_tu10x.bin", "");
    expect(describeHost(root).files).toEqual(
      ["gsp_ga10x.bin", "gsp_tu10x.bin"].map((name) => ({
        kind: "firmware",
        path: `/lib/firmware/nvidia/${VERSION}/${name}`,
        hostPath: `${root}/lib/firmware/nvidia/${VERSION}/${name}`,
        capabilities: [],
      })),
    );
  });

  test("the kernel's own search order decides where firmware is taken from; a container sees one place", () => {
    const root = makeRoot();
    put(root, "/proc/sys/kernel/osrelease", "6.8.0-60-generic\n");
    const expected = `firmware /lib/firmware/nvidia/${VERSION}/gsp_ga10x.bin <- `;
    const bases = [
      "/lib/firmware",
      "/lib/firmware/6.8.0-60-generic",
      "/lib/firmware/updates",
      "/lib/firmware/updates/6.8.0-60-generic",
      "/opt/firmware",
    ];
    put(root, "/sys/module/firmware_class/parameters/path", "/opt/firmware\n");
    for (const base of bases) {
      put(root, `${base}/nvidia/${VERSION}/gsp_ga10x.bin`, "");
      expect(files(root)).toEqual([`${expected}${base}/nvidia/${VERSION}/gsp_ga10x.bin`]);
    }
  });

  test("the sockets of the driver's services are found below /run", () => {
    const root = makeRoot();
    put(root, "/run/nvidia-persistenced/socket", "");
    putLink(root, "/var/run", "/run");
    expect(describeHost(root).files).toEqual([
      {
        kind: "socket",
        path: "/run/nvidia-persistenced/socket",
        hostPath: `${root}/run/nvidia-persistenced/socket`,
        capabilities: ["utility"],
      },
    ]);
  });

  test("a plain file is no socket where nothing is simulated", () => {
    const root = makeRoot();
    put(root, "/run/nvidia-persistenced/socket", "");
    rmSync(`${root}/.berth-sim`);
    expect(files(root)).toEqual([]);
  });

  test("configuration files go to their one place, wherever they were found", () => {
    const root = makeRoot();
    put(root, "/usr/share/vulkan/icd.d/nvidia_icd.json", "{}");
    put(root, "/usr/local/share/glvnd/egl_vendor.d/10_nvidia.json", "{}");
    put(root, "/usr/share/glvnd/egl_vendor.d/10_nvidia.json", "{}");
    expect(files(root)).toEqual([
      "config /usr/share/glvnd/egl_vendor.d/10_nvidia.json <- /usr/local/share/glvnd/egl_vendor.d/10_nvidia.json",
      "config /etc/vulkan/icd.d/nvidia_icd.json <- /usr/share/vulkan/icd.d/nvidia_icd.json",
    ]);
    expect(describeHost(root).files.every(({ capabilities }) => capabilities.join() === "display,graphics")).toBe(true);
  });

  test("the Vulkan driver's file for the machine's architecture comes before the general one", () => {
    const root = makeRoot();
    putLibrary(root, "/usr/lib/aarch64-linux-gnu", { stem: "libcuda", architecture: "aarch64" });
    for (const name of ["nvidia_icd.json", "nvidia_icd.x86_64.json", "nvidia_icd.aarch64.json"])
      put(root, `/etc/vulkan/icd.d/${name}`, "{}");
    expect(files(root)).toEqual([
      "config /etc/vulkan/icd.d/nvidia_icd.aarch64.json <- /etc/vulkan/icd.d/nvidia_icd.aarch64.json",
    ]);
  });

  const CONFIG = [
    ["/usr/share/glvnd/egl_vendor.d", "10_nvidia.json"],
    ["/usr/share/egl/egl_external_platform.d", "15_nvidia_gbm.json"],
    ["/usr/share/egl/egl_external_platform.d", "10_nvidia_wayland.json"],
    ["/usr/share/egl/egl_external_platform.d", "09_nvidia_wayland2.json"],
    ["/usr/share/egl/egl_external_platform.d", "20_nvidia_xcb.json"],
    ["/usr/share/egl/egl_external_platform.d", "20_nvidia_xlib.json"],
    ["/usr/share/nvidia", "nvoptix.bin"],
    ["/usr/share/X11/xorg.conf.d", "10-nvidia.conf"],
    ["/usr/share/X11/xorg.conf.d", "nvidia-drm-outputclass.conf"],
    ["/etc/OpenCL/vendors", "nvidia.icd"],
    ["/etc/vulkan/icd.d", "nvidia_icd.json"],
    ["/etc/vulkan/icd.d", "nvidia_icd.x86_64.json"],
    ["/etc/vulkan/icd.d", "nvidia_layers.json"],
    ["/etc/vulkan/implicit_layer.d", "nvidia_layers.json"],
  ] as const;
  test.each(CONFIG)("%s has %s, from there, from /usr/local/share or from /usr/share", (destination, name) => {
    const folder = destination.replace(/^\/etc|^\/usr\/share/, "");
    for (const base of ["/etc", "/usr/local/share", "/usr/share"]) {
      const root = makeRoot();
      put(root, `${base}${folder}/${name}`, "");
      expect(files(root)).toEqual([`config ${destination}/${name} <- ${base}${folder}/${name}`]);
    }
  });

  test("Vulkan's files can lie in /vulkan as well, and no others", () => {
    const root = makeRoot();
    put(root, "/vulkan/icd.d/nvidia_icd.json", "{}");
    put(root, "/OpenCL/vendors/nvidia.icd", "");
    expect(files(root)).toEqual(["config /etc/vulkan/icd.d/nvidia_icd.json <- /vulkan/icd.d/nvidia_icd.json"]);
  });
});

describe("modules of the X server", () => {
  const GLX = `libglxserver_nvidia.so.${VERSION}`;

  test.each([
    ["/usr/lib/xorg/modules/drivers", "/usr/lib/xorg/modules/extensions"],
    ["/usr/lib/xorg/modules", "/usr/lib/xorg/modules"],
    ["/usr/lib64/xorg/modules/drivers", "/usr/lib64/xorg/modules/extensions"],
    ["/usr/lib64/xorg/modules/updates/drivers", "/usr/lib64/xorg/modules/updates/extensions"],
    ["/usr/X11R6/lib64/modules/drivers", "/usr/X11R6/lib64/modules/extensions"],
    ["/usr/lib/x86_64-linux-gnu/nvidia/xorg", "/usr/lib/x86_64-linux-gnu/nvidia/xorg"],
    ["/usr/lib/aarch64-linux-gnu/nvidia/xorg", "/usr/lib/aarch64-linux-gnu/nvidia/xorg"],
    ["/usr/lib/nvidia/xorg", "/usr/lib/nvidia/xorg"],
    ["/usr/lib/nvidia/current", "/usr/lib/nvidia/current"],
  ])("stay where they are: %s and %s", (drivers, extensions) => {
    const root = makeRoot();
    put(root, `${drivers}/nvidia_drv.so`, "");
    put(root, `${extensions}/${GLX}`, "");
    put(root, `${extensions}/libglxserver_nvidia.so.535.1.1`, "");
    const capabilities = ["display", "graphics"] as const;
    const host = describeHost(root);
    expect(host.files).toEqual(
      [`${drivers}/nvidia_drv.so`, `${extensions}/${GLX}`].map((path) => {
        return { kind: "xorg", path, hostPath: `${root}${path}`, capabilities } as const;
      }),
    );
    expect(host.links).toEqual([{ path: `${extensions}/libglxserver_nvidia.so`, target: GLX, capabilities }]);
  });
});

describe("the folder of the Multi-Process Service", () => {
  const mps = (root: string): readonly string[] => files(root).filter((file) => file.includes("mps"));

  test("is for compute, while its daemon listens there", () => {
    const root = makeRoot();
    rmSync(`${root}/.berth-sim`);
    mkdirSync(`${root}/tmp/nvidia-mps`, { recursive: true });
    expect(mps(root)).toEqual([]);
    put(root, "/tmp/nvidia-mps/control", "");
    expect(mps(root)).toEqual([]);
    rmSync(`${root}/tmp/nvidia-mps/control`);
    expect(Bun.spawnSync(["mkfifo", `${root}/tmp/nvidia-mps/control`]).exitCode).toBe(0);
    expect(mps(root)).toEqual(["socket /tmp/nvidia-mps <- /tmp/nvidia-mps"]);
    expect(describeHost(root).files[0]?.capabilities).toEqual(["compute"]);
  });

  test("is not followed where somebody made it a link", () => {
    const root = makeRoot();
    put(root, "/home/eve/control", "");
    putLink(root, "/tmp/nvidia-mps", "/home/eve");
    expect(mps(root)).toEqual([]);
  });

  test.skipIf(process.getuid?.() !== 0)("is not handed out where it is any user's (needs root)", () => {
    const root = makeRoot();
    put(root, "/tmp/nvidia-mps/control", "");
    chownSync(`${root}/tmp/nvidia-mps`, 1234, 1234);
    expect(mps(root)).toEqual([]);
    expect(describeHost(root).warnings).toEqual([`"${root}/tmp/nvidia-mps" belongs to user 1234: left out`]);
  });
});
