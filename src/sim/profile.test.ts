import { expect, test } from "bun:test";
import { driverLibraries, libraryNames } from "./libraries.ts";
import { instanceSlices } from "./mig.ts";
import { findProfile, PROFILES } from "./profiles.ts";
import { readProfile } from "./read-profile.ts";

test("every profile lists its GPUs in the order of PCI addresses, and no minor, UUID or graphics node twice", () => {
  for (const { gpus } of PROFILES) {
    const buses = gpus.map((gpu) => gpu.bus);
    expect(buses).toEqual(buses.toSorted());
    const uuids = gpus.flatMap((gpu) => [gpu.uuid, ...(gpu.mig ?? []).map((device) => device.uuid)]);
    for (const values of [buses, uuids, gpus.map((gpu) => gpu.minor), gpus.map((gpu) => gpu.drm.render)]) {
      expect(new Set<number | string>(values).size).toBe(values.length);
    }
  }
});

test("the profiles have what the tests need: unknown UUIDs, MIG, minors that are no indices, no driver", () => {
  expect(PROFILES.map((profile) => profile.name)).toEqual([
    "h100x8", "h100x1", "h100x8-uuid-unknown", "a100x8-mig", "a100x16-mig112", "gb200x4-imex", "gds", "l40s-graphics",
    "rtx4090x2", "orin-csv", "wsl", "none",
  ]); // prettier-ignore
  expect(findProfile("h100x8").gpus).toEqual(findProfile("h100x8-uuid-unknown").gpus);
  expect(findProfile("h100x8-uuid-unknown").isUuidKnown).toBe(false);
  expect(findProfile("a100x8-mig").gpus.map((gpu) => gpu.mig?.length)).toEqual([
    3, 3, undefined, undefined, undefined, undefined, undefined, undefined,
  ]); // prettier-ignore
  expect(findProfile("a100x16-mig112").gpus.flatMap((gpu) => gpu.mig ?? [])).toHaveLength(112);
  expect(findProfile("rtx4090x2").gpus.map((gpu) => gpu.minor)).toEqual([1, 0]);
  expect(findProfile("none").driver).toBeUndefined();
});

test("findProfile names the profiles that exist when it does not know one", () => {
  expect(() => findProfile("h200x8")).toThrow(/no profile "h200x8" \(there are h100x8, /);
});

const DIRECT = { storageMajor: 1, gdrcopyMajor: 2, networkCards: 1, switchMajor: 3 };

test.each([
  ["an unknown key", { colour: "green" }, /unknown key "colour"/],
  ["a layout that no distribution has", { layout: "nix" }, /profile\.layout is not one of debian, rhel/],
  ["text where a truth is due", { isUuidKnown: "yes" }, /profile\.isUuidKnown is not true or false/],
  ["a driver version that is none", { driver: { version: "latest" } }, /driver\.version/],
  ["GPUs that are no list", { gpus: {} }, /gpus is not a list/],
  ["a platform that there is not", { platform: "cloud" }, /profile\.platform is not one of pci, wsl, tegra/],
  ["an IMEX channel that is no number", { imex: { major: 1, channels: ["0"] } }, /channels is not a whole number/],
  ["a switch without a PCI address", { gpuDirect: { ...DIRECT, switches: ["07"] } }, /switches is not of the form/],
])("readProfile refuses %s", (_, change, message) => {
  const good = { name: "x", summary: "y", layout: "debian", isUuidKnown: true, gpus: [] };
  expect(readProfile(good).gpus).toEqual([]);
  expect(() => readProfile({ ...good, ...change })).toThrow(message);
});

test("no two driver libraries share a name in one folder", () => {
  for (const profile of PROFILES) {
    const libraries = driverLibraries(profile);
    const names = libraries.flatMap((library) => Object.values(libraryNames(library, "1.2")).filter(Boolean));
    // A library whose soname is its own file name has that name twice.
    const selfNamed = libraries.filter((library) => library.major === undefined).length;
    expect(new Set(names).size).toBe(names.length - selfNamed);
  }
});

test.each([
  ["3g.40gb", { gpu: 3, compute: 3 }],
  ["1c.3g.40gb", { gpu: 3, compute: 1 }],
  ["1g.24gb+gfx", { gpu: 1, compute: 1 }],
  ["1g.10gb+me", { gpu: 1, compute: 1 }],
])("the MIG profile %s is accepted, and has %j slices", (name, slices) => {
  const [gpu] = findProfile("a100x8-mig").gpus;
  const mig = [{ gpuInstance: 1, computeInstance: 0, profile: name, uuid: gpu?.mig?.[0]?.uuid, memoryMiB: 1 }];
  const profile = { name: "x", summary: "y", layout: "debian", isUuidKnown: true, gpus: [{ ...gpu, mig }] };
  expect(readProfile(profile).gpus[0]?.mig?.[0]?.profile).toBe(name);
  expect(instanceSlices(name)).toEqual(slices);
});
