import { describe, expect, test } from "bun:test";
import { inCgroup } from "./cgroup.test-helper.ts";
import { findDeviceCgroup } from "./device-cgroup.ts";
import { judgeList } from "./device-cgroup-v1.ts";

const GPU = { major: 195, minor: 0 };

test.each([
  ["no rule", "", "denied", ""],
  ["the device", "c 195:0 rw", "allowed", "rw"],
  ["the device and more accesses", "c 195:0 rwm", "allowed", "rw"],
  ["reading only", "c 195:0 r", "partly", "r"],
  ["making the node only", "c *:* m", "denied", ""],
  ["all of its driver", "c 195:* rw", "allowed", ""],
  ["all character devices", "c *:* rwm", "allowed", ""],
  ["one rule for reading, one for writing: not both at once", "c 195:0 r\nc 195:* w", "partly", "r"],
  ["a block device of the same number", "b 195:0 rwm", "denied", ""],
  ["other devices", "c 195:1 rw\nc 19:0 rw\nc 195:00 rw\nc 5:* rw", "denied", ""],
] as const)("judgeList, in a cgroup that allows what it lists: %s", (_, list, verdict, exact) => {
  const found = judgeList(`${list}\n`, GPU);
  expect(found?.verdict).toBe(verdict);
  expect(found?.exact.join("")).toBe(exact);
});

test("judgeList cannot tell in a cgroup that allows all: its exceptions are not listed", () => {
  expect(judgeList("a *:* rwm\n", GPU)).toBeUndefined();
});

const own = findDeviceCgroup("/proc/self");

describe.skipIf(process.geteuid?.() !== 0 || own?.version !== 1)("in a cgroup of version 1", () => {
  /** Runs in a cgroup `top` that this process has entered, where `first` was written. */
  const run = (first: string, body: string) =>
    inCgroup(
      own?.folder,
      `const put = (folder, text) => { const [file, ...rule] = text.split(" "); writeFileSync(folder + "/devices." + file, rule.join(" ")); };
       const list = (folder) => readFileSync(folder + "/devices.list", "utf8");
       for (const rule of ${JSON.stringify(first)}.split("; ").filter((text) => text !== "")) put(top, rule);
       enter(top);
       const cgroup = findDeviceCgroup("/proc/self");
       const state = () => [tryOpen("/dev/full"), tryOpen("/dev/zero"), isDeviceAllowed(cgroup, full), isDeviceAllowed(cgroup, zero)];
       ${body}`,
    );
  const RULES = "deny a; allow c 1:3 rwm; allow c *:* m";

  test("a device is opened and closed again, twice is once, and the list is as it was after the undo", () => {
    const seen = run(
      RULES,
      `const before = list(top);
       const states = [state()];
       const undo = setDeviceAccess(cgroup, allow(full));
       const once = list(top);
       setDeviceAccess(cgroup, allow(full))();
       states.push(state());
       const isOnce = list(top) === once;
       undo();
       states.push(state());
       return { version: cgroup.version, isTop: cgroup.folder === top, states, isOnce, isUndone: list(top) === before };`,
    );
    const closed = ["EPERM", "EPERM", false, false];
    const states = [closed, ["open", "EPERM", true, false], closed];
    expect(seen).toEqual({ version: 1, isTop: true, states, isOnce: true, isUndone: true });
  });

  test("a device is closed and opened again; making its node, and what was given of it before, stay", () => {
    const seen = run(
      `${RULES}; allow c 1:7 rwm; allow c 1:5 r`,
      `const lines = () => list(top).trim().split("\\n").toSorted();
       const before = lines();
       const undo = setDeviceAccess(cgroup, [...deny(full), ...allow(zero)]);
       const changed = [state(), lines()];
       undo();
       return [...changed, isSame(lines(), before)];`,
    );
    const rules = ["c *:* m", "c 1:3 rwm", "c 1:5 rw", "c 1:7 m"];
    expect(seen).toEqual([["EPERM", "open", false, true], rules, true]);
  });

  test("a rule for a group of devices that allows it all the same is a refusal, and nothing has changed", () => {
    const seen = run(
      `${RULES}; allow c 1:* rw; allow c 1:7 r`,
      `const before = list(top);
       const refusal = refusalOf(() => setDeviceAccess(cgroup, [...allow({ major: 5, minor: 2 }), ...deny(full)]));
       return [refusal.replaceAll(top, "TOP"), isSame(list(top).split("\\n").toSorted(), before.split("\\n").toSorted()), state()];`,
    );
    const refusal =
      'BERTH-K002: Cannot deny the device 1:7 in the cgroup "TOP": a rule for a whole group of devices allows it all the same; look at the rules with: cat TOP/devices.list';
    expect(seen).toEqual([refusal, true, ["open", "open", true, true]]);
  });

  test("a device that a cgroup above does not allow is a refusal, and nothing has changed", () => {
    const seen = run(
      RULES,
      `mkdirSync(top + "/inner");
       const inner = { ...cgroup, folder: top + "/inner" };
       put(inner.folder, "deny c 1:3 rw");
       const before = list(inner.folder);
       const refusal = refusalOf(() => setDeviceAccess(inner, [...allow({ major: 1, minor: 3 }), ...allow(full)]));
       return [refusal.replaceAll(top, "TOP"), list(inner.folder) === before];`,
    );
    const refusal = expect.stringMatching(
      /^BERTH-K002: Cannot allow the device 1:7 in the cgroup "TOP\/inner": a cgroup above it does not allow the device.*DeviceAllow=/,
    );
    expect(seen).toEqual([refusal, true]);
  });

  test("in a cgroup that allows all but some devices, those are known, opened, and closed again by the undo", () => {
    const seen = run(
      "deny c 1:7 w",
      `const states = [state()];
       const undo = setDeviceAccess(cgroup, [...allow(full), ...deny(zero)]);
       states.push(state());
       undo();
       states.push(state());
       return [states, tryOpen("/dev/full", "r"), readdirSync(top, { withFileTypes: true }).filter((entry) => entry.isDirectory())];`,
    );
    const first = ["EPERM", "open", false, true];
    expect(seen).toEqual([[first, ["open", "EPERM", true, false], first], "open", []]);
  });

  test("the undo does nothing for a container that has ended", () => {
    const seen = run(
      RULES,
      `mkdirSync(top + "/inner");
       put(top, "allow c 1:7 rw");
       const undo = setDeviceAccess({ ...cgroup, folder: top + "/inner" }, allow(full));
       rmdirSync(top + "/inner");
       return [refusalOf(undo), refusalOf(() => setDeviceAccess({ ...cgroup, folder: top + "/inner" }, allow(full))).replaceAll(top, "TOP")];`,
    );
    expect(seen).toEqual(["", expect.stringContaining("it is gone, as its container has ended; start the container")]);
  });
});
