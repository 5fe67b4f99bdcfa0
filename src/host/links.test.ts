import { afterAll, describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { describeHost } from "./describe.ts";
import { makeEmptyRoot, put, putLibrary, putLink, VERSION, versionText } from "./fake-root.test-helper.ts";

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

describe("links that are not beside their library", () => {
  const capabilities = ["display", "graphics"] as const;

  test("GBM's backend, as it is on the machine", () => {
    const root = makeRoot();
    putLibrary(root, DEBIAN, { stem: "libnvidia-allocator" });
    expect(describeHost(root).links).toEqual([]);
    putLink(root, `${DEBIAN}/gbm/nvidia-drm_gbm.so`, "../libnvidia-allocator.so.1");
    expect(describeHost(root).links).toEqual([
      { path: `${DEBIAN}/gbm/nvidia-drm_gbm.so`, target: "../libnvidia-allocator.so.1", capabilities },
    ]);
  });

  test("GBM's backend and the Vulkan producer where the library is in a folder of the driver's own", () => {
    const root = makeRoot();
    const own = `${DEBIAN}/nvidia/current`;
    putLibrary(root, own, { stem: "libnvidia-allocator" });
    putLibrary(root, own, { stem: "libnvidia-vulkan-producer", soname: `libnvidia-vulkan-producer.so.${VERSION}` });
    putLink(root, "/etc/alternatives/gbm", `${own}/libnvidia-allocator.so.${VERSION}`);
    putLink(root, `${DEBIAN}/gbm/nvidia-drm_gbm.so`, "/etc/alternatives/gbm");
    putLink(root, `${DEBIAN}/libnvidia-vulkan-producer.so`, `nvidia/current/libnvidia-vulkan-producer.so.${VERSION}`);
    putLink(root, "/usr/lib64", "x86_64-linux-gnu");
    expect(describeHost(root).links).toEqual([
      { path: `${DEBIAN}/gbm/nvidia-drm_gbm.so`, target: "../nvidia/current/libnvidia-allocator.so.1", capabilities },
      {
        path: `${DEBIAN}/libnvidia-vulkan-producer.so`,
        target: `nvidia/current/libnvidia-vulkan-producer.so.${VERSION}`,
        capabilities,
      },
    ]);
  });

  test.each([
    ["leads to another library", "libnvidia-ml"],
    ["leads nowhere", "libnone"],
  ])("one that %s is none", (_, stem) => {
    const root = makeRoot();
    putLibrary(root, DEBIAN, { stem: "libnvidia-ml" });
    putLink(root, `${DEBIAN}/gbm/nvidia-drm_gbm.so`, `../${stem}.so.1`);
    expect(describeHost(root).links).toEqual([]);
  });

  test("a plain file and a link to a 32-bit library are none", () => {
    const root = makeRoot();
    const folder = "/usr/lib/i386-linux-gnu";
    putLibrary(root, folder, { stem: "libnvidia-allocator", architecture: "i386" });
    putLink(root, `${folder}/gbm/nvidia-drm_gbm.so`, "../libnvidia-allocator.so.1");
    put(root, `${DEBIAN}/gbm/nvidia-drm_gbm.so`, "");
    expect(describeHost(root).links).toEqual([]);
  });
});
