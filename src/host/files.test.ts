import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, rmSync } from "node:fs";
import { describeHost } from "./describe.ts";
import { makeEmptyRoot, put, putLibrary, putLink, VERSION, versionText } from "./fake-root.test-helper.ts";

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

  test("a program keeps the name it is found by, and its real file is behind the links", () => {
    const root = makeRoot();
    put(root, "/usr/lib/nvidia/current/nvidia-smi", "");
    putLink(root, "/etc/alternatives/nvidia-smi", "/usr/lib/nvidia/current/nvidia-smi");
    putLink(root, "/usr/bin/nvidia-smi", "/etc/alternatives/nvidia-smi");
    putLink(root, "/bin", "usr/bin");
    expect(files(root)).toEqual(["binary /usr/bin/nvidia-smi <- /usr/lib/nvidia/current/nvidia-smi"]);
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
});
