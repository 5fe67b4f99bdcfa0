import { expect, test } from "bun:test";
import { readProfile } from "./profile.ts";
import { findProfile, PROFILES } from "./profiles.ts";
import { DRIVER_LIBRARIES, libraryNames } from "./libraries.ts";

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
    "h100x8", "h100x8-uuid-unknown", "a100x8-mig", "rtx4090x2", "none",
  ]); // prettier-ignore
  expect(findProfile("h100x8").gpus).toEqual(findProfile("h100x8-uuid-unknown").gpus);
  expect(findProfile("h100x8-uuid-unknown").isUuidKnown).toBe(false);
  expect(findProfile("a100x8-mig").gpus.map((gpu) => gpu.mig?.length)).toEqual([
    3, 2, undefined, undefined, undefined, undefined, undefined, undefined,
  ]); // prettier-ignore
  expect(findProfile("rtx4090x2").gpus.map((gpu) => gpu.minor)).toEqual([1, 0]);
  expect(findProfile("none").driver).toBeUndefined();
});

test("findProfile names the profiles that exist when it does not know one", () => {
  expect(() => findProfile("h200x8")).toThrow(/no profile "h200x8" \(there are h100x8, /);
});

test.each([
  ["an unknown key", { colour: "green" }, /unknown key "colour"/],
  ["a layout that no distribution has", { layout: "nix" }, /profile\.layout is not one of debian, rhel/],
  ["text where a truth is due", { isUuidKnown: "yes" }, /profile\.isUuidKnown is not true or false/],
  ["a driver version that is none", { driver: { version: "latest" } }, /driver\.version/],
  ["GPUs that are no list", { gpus: {} }, /gpus is not a list/],
])("readProfile refuses %s", (_, change, message) => {
  const good = { name: "x", summary: "y", layout: "debian", isUuidKnown: true, gpus: [] };
  expect(readProfile(good).gpus).toEqual([]);
  expect(() => readProfile({ ...good, ...change })).toThrow(message);
});

test("no two driver libraries share a name in one folder", () => {
  const names = DRIVER_LIBRARIES.flatMap((library) => Object.values(libraryNames(library, "1.2")).filter(Boolean));
  const distinct = new Set(names);
  // A library whose soname is its own file name has that name twice.
  const selfNamed = DRIVER_LIBRARIES.filter((library) => library.major === undefined).length;
  expect(distinct.size).toBe(names.length - selfNamed);
});
