import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, rmSync } from "node:fs";
import { describeHost } from "./describe.ts";
import { loaderCache, makeEmptyRoot, put, putLibrary, putLink, VERSION, versionText } from "./fake-root.test-helper.ts";
import type { DriverLibrary, Host } from "./host.ts";

const DEBIAN = "/usr/lib/x86_64-linux-gnu";
const roots: string[] = [];
afterAll(() => roots.forEach((root) => rmSync(root, { recursive: true })));

/** A root with a loaded driver and no file of it. */
function makeRoot(): string {
  const root = makeEmptyRoot();
  roots.push(root);
  put(root, "/proc/driver/nvidia/version", versionText(VERSION));
  return root;
}

function paths({ libraries }: Host): readonly string[] {
  return libraries.map(({ path }) => path);
}

function find(host: Host, name: string): DriverLibrary | undefined {
  return host.libraries.find(({ path }) => path.endsWith(`/${name}`));
}

describe("libraries", () => {
  test("a library has its real file, soname, architecture, capabilities and the names that lead to it", () => {
    const root = makeRoot();
    putLibrary(root, DEBIAN, { stem: "libcuda", links: ["libcuda.so"] });
    putLink(root, `${DEBIAN}/libcuda.so.2`, "libc.so.6");
    expect(describeHost(root).libraries).toEqual([
      {
        path: `${DEBIAN}/libcuda.so.${VERSION}`,
        hostPath: `${root}${DEBIAN}/libcuda.so.${VERSION}`,
        soname: "libcuda.so.1",
        architecture: "x86-64",
        capabilities: ["compute", "video"],
        links: ["libcuda.so.1", "libcuda.so"],
        isExplicit: false,
      },
    ]);
  });

  test("a library that was lost is named, and a link to another folder or another version is no sign of it", () => {
    const root = makeRoot();
    putLibrary(root, DEBIAN, { stem: "libnvidia-ml" });
    putLink(root, `${DEBIAN}/libcuda.so.1`, `libcuda.so.${VERSION}`);
    putLink(root, `${DEBIAN}/libcuda.so`, "libcuda.so.1");
    putLibrary(root, "/opt/driver", { stem: "libnvcuvid" });
    putLink(root, `${DEBIAN}/libnvcuvid.so.1`, `/opt/driver/libnvcuvid.so.${VERSION}`);
    putLink(root, `${DEBIAN}/libnvidia-encode.so.1`, "libnvidia-encode.so.1.2.3");
    expect(describeHost(root).missing).toEqual([
      { hostPath: `${root}${DEBIAN}/libcuda.so.${VERSION}`, capabilities: ["compute", "video"] },
    ]);
  });

  test("libraries of another driver version and of others are left out", () => {
    const root = makeRoot();
    putLibrary(root, DEBIAN, { stem: "libcuda" });
    putLibrary(root, DEBIAN, { stem: "libcuda", version: "535.230.02", soname: "libcuda.so.535.230.02" });
    putLibrary(root, DEBIAN, { stem: "libc", version: "6" });
    expect(paths(describeHost(root))).toEqual([`${DEBIAN}/libcuda.so.${VERSION}`]);
  });

  test("files with a version of their own belong when they are known", () => {
    const root = makeRoot();
    putLibrary(root, DEBIAN, { stem: "libcuda" });
    putLibrary(root, DEBIAN, { stem: "libnvidia-nvvm70", version: "4", soname: "libnvidia-nvvm70.so.4" });
    putLibrary(root, DEBIAN, { stem: "libnvidia-egl-gbm", version: "1.1.2" });
    const host = describeHost(root);
    expect(find(host, "libnvidia-nvvm70.so.4")?.capabilities).toEqual(["compute", "video"]);
    expect(find(host, "libnvidia-egl-gbm.so.1.1.2")).toMatchObject({
      capabilities: ["display", "graphics"],
      links: ["libnvidia-egl-gbm.so.1"],
    });
    expect(host.libraries).toHaveLength(3);
  });

  test("a library of the driver's version that nobody knows yet goes to compute and graphics", () => {
    const root = makeRoot();
    putLibrary(root, DEBIAN, { stem: "libnvidia-novelty" });
    expect(describeHost(root).libraries[0]?.capabilities).toEqual(["compute", "display", "graphics", "video"]);
  });

  test.each([
    ["utility", "libnvidia-ml libnvidia-cfg libnvidia-nscq libnvidia-sandboxutils"],
    [
      "compute",
      `libcuda libcudadebugger libnvidia-opencl libnvidia-gpucomp libnvidia-ptxjitcompiler libnvidia-fatbinaryloader
       libnvidia-allocator libnvidia-compiler libnvidia-pkcs11 libnvidia-pkcs11-openssl3 libnvidia-nvvm libnvidia-tileiras`,
    ],
    ["video", "libvdpau_nvidia libnvidia-encode libnvidia-opticalflow libnvcuvid libcuda libnvidia-ptxjitcompiler"],
    [
      "graphics",
      `libnvidia-eglcore libnvidia-glcore libnvidia-tls libnvidia-glsi libnvidia-fbc libnvidia-ifr libnvidia-rtcore
       libnvoptix libGLX_nvidia libEGL_nvidia libGLESv2_nvidia libGLESv1_CM_nvidia libnvidia-glvkspirv libnvidia-cbl
       libnvidia-vulkan-producer libnvidia-present libGL libEGL libGLESv1_CM libGLESv2 libnvidia-allocator`,
    ],
    ["display", "libnvidia-glcore libGLX_nvidia libnvidia-fbc"],
    ["ngx", "libnvidia-ngx"],
  ] as const)("%s has %s", (capability, stems) => {
    const root = makeRoot();
    const names = stems.split(/\s+/);
    for (const stem of names) putLibrary(root, DEBIAN, { stem });
    const having = describeHost(root).libraries.filter(({ capabilities }) => capabilities.includes(capability));
    expect(having.map(({ path }) => path.split("/").at(-1))).toEqual(
      names.map((one) => `${one}.so.${VERSION}`).toSorted(),
    );
  });

  test("libGLX_indirect.so.0 is a name of libGLX_nvidia", () => {
    const root = makeRoot();
    putLibrary(root, DEBIAN, { stem: "libGLX_nvidia", soname: "libGLX_nvidia.so.0", links: ["libGLX_indirect.so.0"] });
    expect(describeHost(root).libraries[0]?.links).toEqual(["libGLX_nvidia.so.0", "libGLX_indirect.so.0"]);
  });

  test("the vdpau folder is looked into but is no library folder", () => {
    const root = makeRoot();
    putLibrary(root, DEBIAN, { stem: "libcuda" });
    putLibrary(root, `${DEBIAN}/vdpau`, { stem: "libvdpau_nvidia" });
    const host = describeHost(root);
    expect(find(host, `vdpau/libvdpau_nvidia.so.${VERSION}`)?.capabilities).toEqual(["video"]);
    expect(host.driver?.libraryFolders).toEqual([DEBIAN]);
  });

  test("a folder that two names lead to counts once, under its canonical name", () => {
    const root = makeRoot();
    putLibrary(root, DEBIAN, { stem: "libcuda" });
    putLink(root, "/lib", "usr/lib");
    putLink(root, "/usr/lib64", "/usr/lib/x86_64-linux-gnu");
    putLink(root, "/lib64", "usr/lib64");
    const host = describeHost(root);
    expect(paths(host)).toEqual([`${DEBIAN}/libcuda.so.${VERSION}`]);
    expect(host.driver?.libraryFolders).toEqual([DEBIAN]);
  });

  test("a machine without multiarch has them in /usr/lib64", () => {
    const root = makeRoot();
    putLibrary(root, "/usr/lib64", { stem: "libcuda" });
    putLink(root, "/lib64", "usr/lib64");
    putLibrary(root, "/usr/lib", { stem: "libcuda", architecture: "i386" });
    const host = describeHost(root);
    expect(host.driver?.libraryFolders).toEqual(["/usr/lib64"]);
    expect(host.libraries.map(({ path, architecture }) => [path, architecture])).toEqual([
      [`/usr/lib64/libcuda.so.${VERSION}`, "x86-64"],
      [`/usr/lib/libcuda.so.${VERSION}`, "i386"],
    ]);
  });

  test("an arm64 machine is described by the same rules", () => {
    const root = makeRoot();
    putLibrary(root, "/usr/lib/aarch64-linux-gnu", { stem: "libcuda", architecture: "aarch64" });
    expect(describeHost(root).libraries).toMatchObject([{ architecture: "aarch64", soname: "libcuda.so.1" }]);
  });

  test("absolute links of a root stay in that root, and a file they lead to is listed once", () => {
    const root = makeRoot();
    putLibrary(root, `${DEBIAN}/nvidia/current`, { stem: "libcuda" });
    putLink(root, `${DEBIAN}/libcuda.so.${VERSION}`, `/etc/alternatives/cuda`);
    putLink(root, "/etc/alternatives/cuda", `${DEBIAN}/nvidia/current/libcuda.so.${VERSION}`);
    putLink(root, `${DEBIAN}/libnvidia-ml.so.${VERSION}`, "/../../../../usr/lib/none");
    const host = describeHost(root);
    expect(paths(host)).toEqual([`${DEBIAN}/nvidia/current/libcuda.so.${VERSION}`]);
    expect(host.libraries[0]?.hostPath).toBe(`${root}${DEBIAN}/nvidia/current/libcuda.so.${VERSION}`);
  });

  test("links in a circle lead nowhere", () => {
    const root = makeRoot();
    putLibrary(root, DEBIAN, { stem: "libcuda" });
    putLink(root, `${DEBIAN}/libnvidia-ml.so.${VERSION}`, "circle");
    putLink(root, `${DEBIAN}/circle`, `libnvidia-ml.so.${VERSION}`);
    expect(paths(describeHost(root))).toEqual([`${DEBIAN}/libcuda.so.${VERSION}`]);
  });

  test("what is not a shared library is left out with a warning", () => {
    const root = makeRoot();
    put(root, `${DEBIAN}/libcuda.so.${VERSION}`, "torn");
    mkdirSync(`${root}${DEBIAN}/libnvidia-ml.so.${VERSION}`);
    expect(Bun.spawnSync(["mkfifo", `${root}${DEBIAN}/libnvidia-cfg.so.${VERSION}`]).exitCode).toBe(0);
    const host = describeHost(root);
    expect(host.libraries).toEqual([]);
    expect(host.warnings.map((warning) => /lib[a-z-]+/.exec(warning.slice(warning.lastIndexOf("/")))?.[0])).toEqual([
      "libcuda",
      "libnvidia-cfg",
      "libnvidia-ml",
    ]);
  });

  test("folders that only the loader's cache knows are used when the usual ones have nothing", () => {
    const root = makeRoot();
    putLibrary(root, "/opt/nvidia/lib", { stem: "libcuda" });
    put(root, "/etc/ld.so.cache", loaderCache("/opt/nvidia/lib/libcuda.so.1"));
    expect(paths(describeHost(root))).toEqual([`/opt/nvidia/lib/libcuda.so.${VERSION}`]);
    putLibrary(root, DEBIAN, { stem: "libcuda" });
    expect(paths(describeHost(root))).toEqual([`${DEBIAN}/libcuda.so.${VERSION}`]);
  });

  test("NixOS has them behind a folder of links", () => {
    const root = makeRoot();
    const [store, farm] = ["/nix/store/abc-nvidia-x11/lib", "/nix/store/def-graphics-drivers/lib"];
    putLibrary(root, store, { stem: "libcuda" });
    putLink(root, `${farm}/libcuda.so.${VERSION}`, `${store}/libcuda.so.${VERSION}`);
    putLink(root, "/run/opengl-driver", "/nix/store/def-graphics-drivers");
    const host = describeHost(root);
    expect(paths(host)).toEqual([`${store}/libcuda.so.${VERSION}`]);
    expect(host.libraries[0]?.links).toEqual(["libcuda.so.1"]);
    expect(host.driver?.libraryFolders).toEqual([store]);
  });

  test("a driver with a root of its own: paths are as seen in there, real files are this machine's", () => {
    const root = makeRoot();
    putLibrary(root, DEBIAN, { stem: "libcuda" });
    putLibrary(root, `/run/nvidia/driver/${DEBIAN}`, { stem: "libnvidia-ml" });
    putLink(root, "/run/nvidia/driver/lib", "/usr/lib");
    expect(describeHost(root, { driverRoot: "/run/nvidia/driver" }).libraries).toMatchObject([
      {
        path: `${DEBIAN}/libnvidia-ml.so.${VERSION}`,
        hostPath: `${root}/run/nvidia/driver${DEBIAN}/libnvidia-ml.so.${VERSION}`,
      },
    ]);
  });
});

describe("explicit libraries", () => {
  test.each([
    ["libEGL", "1.1.0", ["display", "graphics"]],
    ["libGL", "1.7.0", ["display", "graphics"]],
    ["libGLESv1_CM", "1.2.0", ["display", "graphics"]],
    ["libGLESv2", "2.1.0", ["display", "graphics"]],
    ["libGLX", "0.0.0", ["display", "graphics"]],
    ["libGLdispatch", "0.0.0", ["display", "graphics"]],
    ["libOpenCL", "1.0.0", ["compute", "video"]],
    ["libOpenGL", "0.0.0", ["display", "graphics"]],
    ["libnvidia-api", "1", ["display", "graphics"]],
  ] as const)("%s of its own version is marked, whatever packages it is from", (stem, version, capabilities) => {
    const root = makeRoot();
    putLibrary(root, DEBIAN, { stem: "libcuda" });
    putLibrary(root, DEBIAN, { stem, version, links: [`${stem}.so`] });
    const host = describeHost(root);
    expect(find(host, `${stem}.so.${version}`)).toMatchObject({ isExplicit: true, capabilities });
    expect(host.libraries.filter(({ isExplicit }) => isExplicit)).toHaveLength(1);
  });

  test("what the driver brings under such a name is the driver's", () => {
    const root = makeRoot();
    putLibrary(root, DEBIAN, { stem: "libGL", links: ["libGL.so"] });
    expect(describeHost(root).libraries).toMatchObject([{ path: `${DEBIAN}/libGL.so.${VERSION}`, isExplicit: false }]);
  });

  test("what another driver left under such a name is nobody's", () => {
    const root = makeRoot();
    putLibrary(root, DEBIAN, { stem: "libcuda" });
    putLibrary(root, DEBIAN, { stem: "libGL", version: "535.230.02", links: ["libGL.so"] });
    expect(paths(describeHost(root))).toEqual([`${DEBIAN}/libcuda.so.${VERSION}`]);
  });

  test("they do not hide that the driver is elsewhere", () => {
    const root = makeRoot();
    putLibrary(root, DEBIAN, { stem: "libGL", version: "1.7.0" });
    putLibrary(root, "/opt/nvidia/lib", { stem: "libcuda" });
    put(root, "/etc/ld.so.cache", loaderCache("/opt/nvidia/lib/libcuda.so.1"));
    expect(paths(describeHost(root))).toEqual([`/opt/nvidia/lib/libcuda.so.${VERSION}`]);
  });
});
