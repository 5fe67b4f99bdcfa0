import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, rmSync, symlinkSync, truncateSync } from "node:fs";
import { describeHost } from "./describe.ts";
import { makeEmptyRoot, put, putElf, putLink, putNode, versionText } from "./fake-root.test-helper.ts";
import type { Host, UnitItem } from "./host.ts";

const FOLDER = "/etc/nvidia-container-runtime/host-files-for-container.d";
const TEGRA = "/usr/lib/aarch64-linux-gnu/tegra";
const roots: string[] = [];
afterAll(() => roots.forEach((root) => rmSync(root, { recursive: true })));

let root = "";
beforeEach(() => {
  root = makeEmptyRoot();
  roots.push(root);
  put(root, "/etc/nv_tegra_release", "# R36 (release), REVISION: 4.0\n");
  putCsv("devices", "dev, /dev/nvmap");
  putCsv("drivers", "");
  putCsv("l4t", "");
  putNode(root, "/dev/nvmap", [10, 60]);
});

function putCsv(name: string, ...lines: readonly string[]): void {
  put(root, `${FOLDER}/${name}.csv`, `${lines.join("\n")}\n`);
}

function spell(item: UnitItem): string {
  const mark = item.isOptional ? " (optional)" : "";
  if (item.kind === "node") return `node ${item.node.path} ${item.node.major}:${item.node.minor}${mark}`;
  if (item.kind === "link") return `link ${item.path} -> ${item.target}${mark}`;
  return `${item.kind} ${item.path} <- ${item.hostPath.replace(root, "")}${mark}`;
}

/** The items but for the node and the release file that every test's machine has. */
function items(host: Host): readonly string[] {
  return (host.unit?.items ?? []).map(spell).filter((item) => !/nvmap|nv_tegra_release/.test(item));
}

const at = (file: string, line: number): string => `"${root}${FOLDER}/${file}.csv" line ${line}:`;

describe("a Tegra's GPU", () => {
  test("is what the CSV files name, in their order, and the release file", () => {
    putCsv("drivers", `lib, ${TEGRA}/libcuda.so.1.1`, `sym, ${TEGRA}/libcuda.so`);
    putCsv("l4t", "dir, /lib/firmware/tegra23x");
    putCsv("cudnn", `lib, ${TEGRA}/libcudnn.so.9`);
    putCsv("aaa", "dir, /opt/aaa");
    putElf(root, `${TEGRA}/libcuda.so.1.1`, "libcuda.so.1", "aarch64");
    putElf(root, `${TEGRA}/libcudnn.so.9`, "libcudnn.so.9", "aarch64");
    putLink(root, `${TEGRA}/libcuda.so`, "libcuda.so.1.1");
    for (const folder of ["/lib/firmware/tegra23x", "/opt/aaa"]) mkdirSync(root + folder, { recursive: true });
    const host = describeHost(root);
    expect(host.warnings).toEqual([]);
    expect(host.unit).toMatchObject({ kind: "csv", model: "NVIDIA Jetson" });
    expect(host.unit?.items.map(spell)).toEqual([
      "node /dev/nvmap 10:60",
      `library ${TEGRA}/libcuda.so.1.1 <- ${TEGRA}/libcuda.so.1.1`,
      `link ${TEGRA}/libcuda.so -> libcuda.so.1.1`,
      "folder /lib/firmware/tegra23x <- /lib/firmware/tegra23x",
      "folder /opt/aaa <- /opt/aaa (optional)",
      `library ${TEGRA}/libcudnn.so.9 <- ${TEGRA}/libcudnn.so.9 (optional)`,
      "file /etc/nv_tegra_release <- /etc/nv_tegra_release",
    ]);
    expect(host.driver).toEqual({ version: undefined, cuda: undefined, libraryFolders: [TEGRA] });
    expect([host.gpus, host.controlNodes, host.libraries, host.files]).toEqual([[], [], [], []]);
  });

  test("a library is mounted at its real path, with the names that lead there", () => {
    putCsv("drivers", `lib, ${TEGRA}/libcuda.so`, "lib, /usr/lib/libnvbufsurface.so.1.0.0");
    putElf(root, `${TEGRA}/libcuda.so.1.1`, "libcuda.so.1", "aarch64");
    putLink(root, `${TEGRA}/libcuda.so.1`, "libcuda.so.1.1");
    putLink(root, `${TEGRA}/libcuda.so`, "libcuda.so.1");
    putElf(root, `${TEGRA}/libnvbufsurface.so.1.0.0`, "libnvbufsurface.so.1", "aarch64");
    putLink(root, "/usr/lib/libnvbufsurface.so.1.0.0", "aarch64-linux-gnu/tegra/libnvbufsurface.so.1.0.0");
    expect(items(describeHost(root))).toEqual([
      `library ${TEGRA}/libcuda.so.1.1 <- ${TEGRA}/libcuda.so.1.1`,
      `link ${TEGRA}/libcuda.so -> libcuda.so.1.1`,
      `link ${TEGRA}/libcuda.so.1 -> libcuda.so.1.1`,
      `library ${TEGRA}/libnvbufsurface.so.1.0.0 <- ${TEGRA}/libnvbufsurface.so.1.0.0`,
      "link /usr/lib/libnvbufsurface.so.1.0.0 -> aarch64-linux-gnu/tegra/libnvbufsurface.so.1.0.0",
    ]);
  });

  test("a library carries what the loader's cache needs, and a lib that is no library is a file", () => {
    putCsv("drivers", `lib, ${TEGRA}/libnvos.so`, `lib, ${TEGRA}/nvidia_icd.json`);
    putElf(root, `${TEGRA}/libnvos.so`, "libnvos.so", "aarch64");
    put(root, `${TEGRA}/nvidia_icd.json`, "{}");
    expect(describeHost(root).unit?.items.slice(1, 3)).toMatchObject([
      { kind: "library", soname: "libnvos.so", architecture: "aarch64" },
      { kind: "file", path: `${TEGRA}/nvidia_icd.json` },
    ]);
  });

  test("patterns are for the last part of dev and lib", () => {
    putCsv("devices", "dev, /dev/nvmap", "dev, /dev/nvhost-*-gpu", "dev, /dev/none*", "dev, /d*v/zero", "sym, /usr/*");
    putCsv("drivers", `lib, ${TEGRA}/libnv?s.so`);
    for (const name of ["nvhost-ctrl-gpu", "nvhost-as-gpu", "nvhost-msenc"]) putNode(root, `/dev/${name}`, [505, 1]);
    for (const name of ["libnvos.so", "libnvxs.so", "libnvoos.so"]) putElf(root, `${TEGRA}/${name}`, name, "aarch64");
    const host = describeHost(root);
    expect(items(host)).toEqual([
      "node /dev/nvhost-as-gpu 505:1",
      "node /dev/nvhost-ctrl-gpu 505:1",
      `library ${TEGRA}/libnvos.so <- ${TEGRA}/libnvos.so`,
      `library ${TEGRA}/libnvxs.so <- ${TEGRA}/libnvxs.so`,
    ]);
    expect(host.warnings).toEqual([
      `${at("devices", 3)} nothing fits "/dev/none*"`,
      `${at("devices", 4)} "${root}/d*v/zero" does not exist`,
      `${at("devices", 5)} "${root}/usr/*" is not a link that exists`,
    ]);
  });

  test("a link is given as it is, without the driver's root, and wherever it leads", () => {
    const driver = "/opt/driver";
    putCsv("drivers", `sym, ${TEGRA}/libcuda.so`, "sym, /etc/alternatives/cuda", "sym, /usr/lib/none");
    putLink(root, `${driver}${TEGRA}/libcuda.so`, "libcuda.so.1.1");
    putLink(root, `${driver}/etc/alternatives/cuda`, "/usr/local/cuda-12");
    const host = describeHost(root, { driverRoot: driver });
    expect(items(host)).toEqual([
      `link ${TEGRA}/libcuda.so -> libcuda.so.1.1`,
      "link /etc/alternatives/cuda -> /usr/local/cuda-12",
    ]);
    expect(host.warnings).toEqual([`${at("drivers", 3)} "${root}${driver}/usr/lib/none" is not a link that exists`]);
  });

  test.each([
    ["dev, /dev/none", `"ROOT/dev/none" does not exist`],
    ["lib, /usr/lib/none.so", `"ROOT/usr/lib/none.so" is not a file that exists`],
    ["lib, /usr/lib", `"ROOT/usr/lib" is not a file that exists`],
    ["dir, /none", `"ROOT/none" is not a folder that exists`],
    ["dir, /etc/nv_tegra_release", `"ROOT/etc/nv_tegra_release" is not a folder that exists`],
    ["sym, /etc/nv_tegra_release", `"ROOT/etc/nv_tegra_release" is not a link that exists`],
    ["sim, /none", "the type is none of dev, dir, lib, sym"],
  ])("%p, which is not there, is a warning that names file and line", (line, warning) => {
    mkdirSync(`${root}/usr/lib`, { recursive: true });
    putCsv("drivers", "", line);
    const host = describeHost(root);
    expect(items(host)).toEqual([]);
    expect(host.warnings).toEqual([`${at("drivers", 2)} ${warning.replace("ROOT", root)}`]);
  });

  test("what several lines name is there once, and needed where one of the main files needs it", () => {
    putCsv("a", "dev, /dev/nvmap");
    putCsv("l4t", "dev, /dev/nvmap");
    expect(describeHost(root).unit?.items.map(spell)).toEqual([
      "node /dev/nvmap 10:60",
      "file /etc/nv_tegra_release <- /etc/nv_tegra_release",
    ]);
  });

  test("a main file that is not there is a warning", () => {
    rmSync(`${root}${FOLDER}/l4t.csv`);
    expect(describeHost(root).warnings).toEqual([`"${root}${FOLDER}/l4t.csv" does not exist`]);
  });

  test("the folder of CSV files is the administrator's", () => {
    put(root, "/csv/devices.csv", "dev, /dev/other\n");
    putNode(root, "/dev/other", [10, 61]);
    expect(items(describeHost(root, { csvFolder: "/csv" }))).toEqual(["node /dev/other 10:61"]);
  });

  test("where nothing of it is there, there is no GPU", () => {
    rmSync(`${root}${FOLDER}`, { recursive: true });
    const host = describeHost(root);
    expect([host.driver, host.unit]).toEqual([undefined, undefined]);
    expect(host.warnings).toHaveLength(3);
  });

  test("the board is called as its device tree calls it", () => {
    put(root, "/sys/firmware/devicetree/base/model", "NVIDIA Jetson AGX Orin Developer Kit\0");
    putLink(root, "/proc/device-tree", "/sys/firmware/devicetree/base");
    expect(describeHost(root).unit?.model).toBe("NVIDIA Jetson AGX Orin Developer Kit");
  });

  test("it can have features, such as GPUDirect Storage", () => {
    putNode(root, "/dev/nvidia-fs0", [237, 0]);
    expect(describeHost(root).features.gds.nodes.map(({ path }) => path)).toEqual(["/dev/nvidia-fs0"]);
  });
});

describe("a Tegra's driver version", () => {
  test.each([
    ["libcuda.so.1.1", undefined],
    ["libcuda.so.540.4.0", "540.4.0"],
    ["libnvidia-ml.so.540.4.0", "540.4.0"],
    ["libnvidia-other.so.540.4.0", undefined],
  ])("from the name %s: %p", (name, version) => {
    putCsv("drivers", `lib, ${TEGRA}/${name}`);
    putElf(root, `${TEGRA}/${name}`, name, "aarch64");
    const { driver } = describeHost(root);
    expect(driver?.version).toBe(version);
    expect(driver?.cuda === undefined).toBe(version === undefined);
  });

  test("from the driver's procfs before all names", () => {
    put(root, "/proc/driver/nvidia/version", versionText("580.65.06"));
    putCsv("drivers", `lib, ${TEGRA}/libcuda.so.540.4.0`);
    putElf(root, `${TEGRA}/libcuda.so.540.4.0`, "libcuda.so.1", "aarch64");
    expect(describeHost(root).driver?.version).toBe("580.65.06");
  });
});

describe("CSV files that are hostile or broken", () => {
  test("a link that would lead out of the root leads nowhere, or to the root's own file", () => {
    rmSync(`${root}${FOLDER}/drivers.csv`);
    symlinkSync("/../../../../../../../../etc/passwd", `${root}${FOLDER}/drivers.csv`);
    expect(describeHost(root).warnings).toEqual([`"${root}${FOLDER}/drivers.csv" does not exist`]);
    put(root, "/etc/passwd", "dev, /dev/other\n");
    putNode(root, "/dev/other", [10, 61]);
    expect(items(describeHost(root))).toEqual(["node /dev/other 10:61"]);
  });

  test("what their lines name cannot be out of the root either", () => {
    putCsv("drivers", "lib, /usr/lib/evil.so", "dir, /usr/out", "dev, /out/nvmap");
    putLink(root, "/usr/lib/evil.so", "/../../../../etc/hostname");
    putLink(root, "/usr/out", "../../../../../../../var");
    putLink(root, "/out", "../../../dev");
    const found = (describeHost(root).unit?.items ?? []).filter((item) => item.kind !== "link");
    expect(found.map((item) => (item.kind === "node" ? item.node.hostPath : item.hostPath))).toEqual([
      `${root}/dev/nvmap`,
      `${root}/dev/nvmap`,
      `${root}/etc/nv_tegra_release`,
    ]);
  });

  test.each([
    ["a huge file", "holds more than 1048576 bytes", () => truncateSync(`${root}${FOLDER}/drivers.csv`, 2 ** 40)],
    ["a FIFO", "is not a regular file", () => {
      rmSync(`${root}${FOLDER}/drivers.csv`);
      Bun.spawnSync(["mkfifo", `${root}${FOLDER}/drivers.csv`]);
    }],
    ["a folder", "is not a regular file", () => {
      rmSync(`${root}${FOLDER}/drivers.csv`);
      mkdirSync(`${root}${FOLDER}/drivers.csv`);
    }],
  ])("%s is left out with a warning, and the others count", (_, warning, damage) => {
    damage();
    const host = describeHost(root);
    expect(host.unit?.items).toHaveLength(2);
    expect(host.warnings).toEqual([`"${root}${FOLDER}/drivers.csv" ${warning}: left out`]);
  }); // prettier-ignore

  test("bytes that are no text are faults, not failures", () => {
    put(
      root,
      `${FOLDER}/drivers.csv`,
      Uint8Array.from({ length: 4096 }, (_, index) => (index * 37) % 256),
    );
    expect(describeHost(root).unit?.items).toHaveLength(2);
  });

  test("more things than any machine has are cut off", () => {
    mkdirSync(`${root}/many`);
    putCsv("drivers", ...Array.from({ length: 20 }, () => "lib, /many/*"));
    for (let index = 0; index < 900; index++) symlinkSync("/etc/nv_tegra_release", `${root}/many/${index}`);
    const { warnings } = describeHost(root);
    expect(warnings).toEqual(["the CSV files name more than 16384 things: the rest is left out"]);
  });
});
