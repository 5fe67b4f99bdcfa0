import { expect, test } from "bun:test";
import { accessRefusal, lastChanges } from "./device-change.ts";

const [zero, one] = [
  { major: 195, minor: 0 },
  { major: 195, minor: 1 },
];

test("accessRefusal names the devices, what was wished, the cgroup and why", () => {
  const changes = [
    { ...zero, isAllowed: true },
    { ...one, isAllowed: false },
    { major: 5, minor: 2, isAllowed: true },
  ];
  const refusal = accessRefusal({ folder: "/sys/fs/cgroup/c", changes, why: "it is so", remedy: "do this" });
  expect(refusal).toMatchObject({
    code: "BERTH-K002",
    message: 'Cannot allow the devices 195:0, 5:2 and deny the device 195:1 in the cgroup "/sys/fs/cgroup/c": it is so',
    remedy: "do this",
  });
});

test("lastChanges leaves the last change for each device", () => {
  const changes = [
    { ...zero, isAllowed: true },
    { ...one, isAllowed: true },
    { ...zero, isAllowed: false },
  ];
  expect(lastChanges(changes)).toEqual([
    { ...zero, isAllowed: false },
    { ...one, isAllowed: true },
  ]);
});
