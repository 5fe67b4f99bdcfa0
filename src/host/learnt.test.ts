import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, chownSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import type { NvmlGpu, NvmlInventory, NvmlMigDevice } from "../nvml/index.ts";
import { describeHost } from "./describe.ts";
import { makeRoot, put, putGpu, putLink, putNode, uuid, VERSION, versionText } from "./fake-root.test-helper.ts";
import type { Gpu } from "./host.ts";
import { rememberFacts } from "./remember.ts";

const BUS = "0000:1b:00.0";
const STORE = "/var/lib/berth/gpus.json";
const MIG_A = "MIG-00000000-0000-0000-0000-00000000000a";
const MIG_B = "MIG-00000000-0000-0000-0000-00000000000b";
const isRoot = process.getuid?.() === 0;
const roots: string[] = [];
afterAll(() => roots.forEach((root) => rmSync(root, { recursive: true })));

let root = "";
/** One GPU with two MIG devices, 1/0 and 5/0, of which the driver's files do not say the UUID. */
beforeEach(() => {
  root = makeRoot([{ bus: BUS, minor: 0, mig: { 1: [0], 5: [0] } }]);
  roots.push(root);
});

const store = (): string => readFileSync(root + STORE, "utf8");
const whole = (from = root): Gpu | undefined => describeHost(from).gpus[0];
const facts = (): unknown[] => [whole()?.uuid, whole()?.computeCapability, whole()?.brand];
const migFacts = (): unknown[] =>
  whole()?.migDevices.map((device) => [device.index, device.uuid, device.profile]) ?? [];

function part(index: number, gpuInstance: number, id: string, profile: string): NvmlMigDevice {
  return { index, gpuInstance, computeInstance: 0, uuid: id, name: `NVIDIA H100 80GB HBM3 MIG ${profile}` };
}

/** What the driver says: index 0 is the later GPU instance. */
const PARTS = [part(0, 5, MIG_A, "2g.20gb"), part(1, 1, MIG_B, "1g.24gb+gfx")];

function told(change: Partial<NvmlGpu> = {}, more: Partial<NvmlInventory> = {}): NvmlInventory {
  const gpu = {
    index: 0,
    bus: BUS,
    uuid: uuid(7),
    name: "NVIDIA H100 80GB HBM3",
    brand: 14,
    computeCapability: "9.9",
    isMigEnabled: true,
    migDevices: PARTS,
    ...change,
  };
  return { driverVersion: VERSION, cudaVersion: "12.9", gpus: [gpu], skipped: [], ...more };
}

function learn(change: Partial<NvmlGpu> = {}, more: Partial<NvmlInventory> = {}): void {
  rememberFacts(describeHost(root), told(change, more));
}

describe("what was learnt from the driver", () => {
  test("is there at the next description: UUID, compute capability, brand, MIG numbers, UUIDs, profiles, CUDA", () => {
    expect(rememberFacts(describeHost(root), told()).isKept).toBe(true);
    expect(facts()).toEqual([uuid(7), "9.9", "nvidia"]);
    expect(migFacts()).toEqual([[1, MIG_B, "1g.24gb+gfx"], [0, MIG_A, "2g.20gb"]]); // prettier-ignore
    expect(describeHost(root).driver?.cuda).toEqual({ version: "12.9", isExact: true });
  });

  test("is written once: learning the same again leaves the file", () => {
    learn();
    const { ino } = statSync(root + STORE);
    learn();
    rememberFacts(describeHost(root));
    expect(statSync(root + STORE).ino).toBe(ino);
  });

  test("stays when the driver is not asked, and only what is said again is replaced", () => {
    learn();
    putGpu(root, { bus: BUS, minor: 0, uuid: uuid(7) });
    rememberFacts(describeHost(root));
    learn({ computeCapability: undefined, brand: undefined });
    expect(facts()).toEqual([uuid(7), "9.9", "nvidia"]);
  });

  test("is not about another card at the same address", () => {
    learn();
    putGpu(root, { bus: BUS, minor: 0, uuid: uuid(8) });
    expect(whole()).toMatchObject({ uuid: uuid(8), computeCapability: undefined });
    expect(migFacts()).toEqual([
      [undefined, undefined, undefined],
      [undefined, undefined, undefined],
    ]);
    rememberFacts(describeHost(root));
    expect(store()).not.toContain("9.9");
  });

  test("is not about a card of another model that says no UUID yet", () => {
    learn();
    putGpu(root, { bus: BUS, minor: 0, model: "NVIDIA L40S" });
    expect(facts()).toEqual([undefined, undefined, "nvidia"]);
  });

  test("about MIG does not outlive the boot", () => {
    learn();
    writeFileSync(root + STORE, store().replace(/"boot": "[0-9a-f]{8}/, '"boot": "00000000'));
    expect(migFacts()).toEqual([
      [undefined, undefined, undefined],
      [undefined, undefined, undefined],
    ]);
    expect(facts()).toEqual([uuid(7), "9.9", "nvidia"]);
  });

  const layouts: readonly [string, () => void][] = [
    ["has one device more", () => mkdirSync(`${root}/proc/driver/nvidia/capabilities/gpu0/mig/gi1/ci1`)],
    ["has another device", () => {
      rmSync(`${root}/proc/driver/nvidia/capabilities/gpu0/mig/gi5`, { recursive: true });
      mkdirSync(`${root}/proc/driver/nvidia/capabilities/gpu0/mig/gi6/ci0`, { recursive: true });
    }],
  ]; // prettier-ignore
  test.each(layouts)("about MIG is not used when the layout %s", (_, change) => {
    learn();
    change();
    for (const device of whole()?.migDevices ?? []) expect(device).toMatchObject({ uuid: undefined, index: undefined });
    expect(facts()).toEqual([uuid(7), "9.9", "nvidia"]);
  });

  test.each([
    ["fewer devices than the driver's files", [PARTS[0]]],
    ["a device that the driver's files do not show", [PARTS[0], part(1, 9, MIG_B, "1g.10gb")]],
  ])("about MIG is not kept when the driver lists %s", (_, parts) => {
    learn({ migDevices: parts.filter((one) => one !== undefined) });
    expect(migFacts()).toEqual([[undefined, undefined, undefined], [undefined, undefined, undefined]]); // prettier-ignore
  });

  test("about CUDA is not used under another driver", () => {
    learn();
    put(root, "/proc/driver/nvidia/version", versionText("550.54.14"));
    expect(describeHost(root).driver?.cuda).toEqual({ version: "12.4", isExact: true });
  });

  test("about CUDA is not kept when the library is of another driver", () => {
    learn({}, { driverVersion: "999.1" });
    expect(describeHost(root).driver?.cuda?.version).toBe("12.8");
  });

  test.each([
    [{ brand: 2 }, "tesla"],
    [{ brand: 0 }, "unknown"],
    [{ brand: 99 }, "nvidia"],
    [{ brand: undefined }, "nvidia"],
  ])("a brand of %j is %s: the driver's word first, then the model's name", (change, brand) => {
    learn(change);
    expect(whole()?.brand).toBe(brand);
  });

  test("can be given to a description that may not keep it", () => {
    const { learnt } = rememberFacts(describeHost(root), told());
    rmSync(root + STORE);
    expect(describeHost(root, { learnt }).gpus[0]?.uuid).toBe(uuid(7));
    expect(whole()?.uuid).toBeUndefined();
  });

  test("about a card that is gone stays for its return", () => {
    learn();
    rmSync(`${root}/proc/driver/nvidia/gpus/${BUS}`, { recursive: true });
    putGpu(root, { bus: "0000:2b:00.0", minor: 0, uuid: uuid(9) });
    rememberFacts(describeHost(root));
    expect(store()).toContain(uuid(7));
    expect(store()).toContain(uuid(9));
  });
});

describe("what nobody has to be asked for", () => {
  test("the only MIG device of a GPU is number 0", () => {
    const single = makeRoot([{ bus: BUS, minor: 0, mig: { 9: [0] } }]);
    roots.push(single);
    expect(whole(single)?.migDevices[0]).toMatchObject({ index: 0, uuid: undefined, profile: undefined });
  });

  test.each([
    ["0x2330\n", "9.0"],
    ["0x20b2\n", "8.0"],
    ["0xffff\n", undefined],
    ["2330", undefined],
  ])("the compute capability stands in a table by the PCI device id (%j)", (id, expected) => {
    put(root, `/sys/bus/pci/devices/${BUS}/device`, id);
    expect(whole()?.computeCapability).toBe(expected);
  });

  test("a learnt compute capability wins over the table", () => {
    put(root, `/sys/bus/pci/devices/${BUS}/device`, "0x2330\n");
    learn();
    expect(whole()?.computeCapability).toBe("9.9");
  });

  test("the UUID that the driver's files said once is known when they do not say it", () => {
    putGpu(root, { bus: BUS, minor: 0, uuid: uuid(3) });
    rememberFacts(describeHost(root));
    putGpu(root, { bus: BUS, minor: 0 });
    expect(whole()?.uuid).toBe(uuid(3));
  });
});

describe("the store", () => {
  test("is JSON for everybody to read and for its owner to write", () => {
    learn();
    expect(statSync(root + STORE).mode & 0o777).toBe(0o644);
    expect(JSON.parse(store())).toEqual({
      schema: 1,
      cuda: { driver: VERSION, version: "12.9" },
      gpus: {
        [BUS]: {
          uuid: uuid(7),
          model: "NVIDIA H100 80GB HBM3",
          boot: readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim(),
          computeCapability: "9.9",
          brand: "nvidia",
          migDevices: [
            { gpuInstance: 5, computeInstance: 0, index: 0, uuid: MIG_A, profile: "2g.20gb" },
            { gpuInstance: 1, computeInstance: 0, index: 1, uuid: MIG_B, profile: "1g.24gb+gfx" },
          ],
        },
      },
    });
  });

  test("of berth 0.1, address and UUID only, is read", () => {
    put(root, STORE, JSON.stringify({ [BUS]: uuid(5), "../x": uuid(6) }));
    expect(whole()?.uuid).toBe(uuid(5));
    learn({ uuid: uuid(5) });
    expect(JSON.parse(store())).toMatchObject({ schema: 1, gpus: { [BUS]: { uuid: uuid(5) } } });
  });

  test.each([
    ["torn", `{"schema":1,"gpus":{"${BUS}":{"uu`],
    ["a list", "[]"],
    ["null", "null"],
    ["of a later schema", `{"schema":2,"gpus":{"${BUS}":{"uuid":"${uuid(1)}"}}}`],
    ["with a number for a UUID", `{"${BUS}":7}`],
    ["with a UUID that is none", `{"schema":1,"gpus":{"${BUS}":{"uuid":"GPU-x"}}}`],
    ["with an address that is none", `{"schema":1,"gpus":{"../x":{"uuid":"${uuid(1)}"}}}`],
  ])("that is %s counts as empty, and is replaced", (_, text) => {
    put(root, STORE, text);
    expect(whole()?.uuid).toBeUndefined();
    learn();
    expect(facts()[0]).toBe(uuid(7));
  });

  test("with one MIG device that is not understood knows nothing of that layout, but the rest", () => {
    learn();
    put(root, STORE, store().replace(`"index": 1`, `"index": "1"`));
    expect(facts()).toEqual([uuid(7), "9.9", "nvidia"]);
    expect(migFacts()[0]).toEqual([undefined, undefined, undefined]);
  });

  test("with facts of a wrong form lacks these facts", () => {
    learn();
    put(root, STORE, store().replace(`"9.9"`, `"nine"`).replace(`"2g.20gb"`, `"\\n"`).replace(MIG_B, "MIG-1"));
    expect(facts()).toEqual([uuid(7), undefined, "nvidia"]);
    expect(migFacts()).toEqual([[1, undefined, "1g.24gb+gfx"], [0, MIG_A, undefined]]); // prettier-ignore
  });

  test("that others can write to is not believed, and is replaced", () => {
    learn();
    chmodSync(root + STORE, 0o666);
    expect(whole()?.uuid).toBeUndefined();
    learn();
    expect(whole()?.uuid).toBe(uuid(7));
    expect(statSync(root + STORE).mode & 0o777).toBe(0o644);
  });

  test.skipIf(!isRoot)("of another user is not believed, and is replaced (needs root)", () => {
    learn();
    chownSync(root + STORE, 1234, 1234);
    expect(whole()?.uuid).toBeUndefined();
    learn();
    expect(statSync(root + STORE).uid).toBe(0);
    expect(whole()?.uuid).toBe(uuid(7));
  });

  test.skipIf(!isRoot)("that this user may not write keeps nothing, and says so (needs the right to mount)", () => {
    const folder = `${root}/var/lib/berth`;
    mkdirSync(folder, { recursive: true });
    if (Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", folder]).exitCode !== 0) return;
    try {
      const { learnt, isKept } = rememberFacts(describeHost(root), told());
      expect([isKept, learnt.gpus.get(BUS)?.uuid]).toEqual([false, uuid(7)]);
    } finally {
      Bun.spawnSync(["umount", folder]);
    }
  });

  test("knows a MIG UUID as drivers before 470 write it", () => {
    const old = `MIG-${uuid(7)}/5/0`;
    learn({ migDevices: [part(0, 5, old, "2g.20gb"), part(1, 1, `${old}/0`, "1g.10gb")] });
    expect(migFacts()).toEqual([[1, undefined, "1g.10gb"], [0, old, "2g.20gb"]]); // prettier-ignore
  });
});

describe("the names of DRM nodes by PCI address", () => {
  const byPath = "/dev/dri/by-path";

  test("are those links of udev that lead to the GPU's own nodes", () => {
    for (const node of ["card2", "renderD129"]) put(root, `/sys/bus/pci/devices/${BUS}/drm/${node}/dev`, "");
    putNode(root, "/dev/dri/card2", [226, 2]);
    putNode(root, "/dev/dri/renderD129", [226, 129]);
    putNode(root, "/dev/dri/card1", [226, 1]);
    putLink(root, `${byPath}/pci-${BUS}-card`, "../card2");
    putLink(root, `${byPath}/pci-${BUS}-render`, "../card1");
    putLink(root, `${byPath}/pci-0000:2b:00.0-card`, "../card1");
    expect(whole()?.drmLinks).toEqual([{ path: `${byPath}/pci-${BUS}-card`, target: "../card2" }]);
  });

  test("are none where udev made none", () => {
    put(root, `/sys/bus/pci/devices/${BUS}/drm/card2/dev`, "");
    putNode(root, "/dev/dri/card2", [226, 2]);
    expect(whole()?.drmLinks).toEqual([]);
  });
});
