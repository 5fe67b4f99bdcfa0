import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { capabilityMinors, formatMigMinors } from "./mig.ts";

test("mig-minors lists each instance under the minor that its node has", () => {
  const minors = new Map(formatMigMinors().split("\n").map((line): [string, number] => {
    const [name = "", minor] = line.split(" ");
    return [name, Number(minor)];
  })); // prettier-ignore
  const instances = fc.record({
    minor: fc.nat({ max: 31 }),
    gpuInstance: fc.nat({ max: 14 }),
    computeInstance: fc.nat({ max: 7 }),
  });
  fc.assert(
    fc.property(instances, (instance) => {
      const folder = `gpu${instance.minor}/gi${instance.gpuInstance}`;
      const found = capabilityMinors(instance, instance);
      expect(found.gpuInstance).toBe(minors.get(`${folder}/access`) ?? -1);
      expect(found.computeInstance).toBe(minors.get(`${folder}/ci${instance.computeInstance}/access`) ?? -1);
    }),
  );
});

test("mig-minors has the numbers of the real kernel module: gpu0/gi1 is 12, its first compute instance 13", () => {
  expect(capabilityMinors({ minor: 0 }, { gpuInstance: 1, computeInstance: 0 })).toEqual({
    gpuInstance: 12,
    computeInstance: 13,
  });
  expect(formatMigMinors()).toStartWith("config 1\nmonitor 2\ngpu0/gi0/access 3\ngpu0/gi0/ci0/access 4\n");
});
