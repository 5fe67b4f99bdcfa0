import { describe, expect, test } from "bun:test";
import { inCgroup } from "./cgroup.test-helper.ts";

const ALLOW_MULTI = 2;

describe.skipIf(process.geteuid?.() !== 0)("in a cgroup of version 2", () => {
  test.each([
    ["several programs (BPF_F_ALLOW_MULTI)", ALLOW_MULTI],
    ["one program", 0],
    ["one program that a cgroup below may replace (BPF_F_ALLOW_OVERRIDE)", 1],
  ])("a device is opened and closed again where the cgroup takes %s", (_, flags) => {
    const seen = inCgroup(
      undefined,
      `attach(top, compileFilter(rules, false), ${flags});
       enter(top);
       const cgroup = findDeviceCgroup("/proc/self");
       const before = instructionsOf(top);
       const state = () => [tryOpen("/dev/full"), tryOpen("/dev/zero"), tryOpen("/dev/null"), isDeviceAllowed(cgroup, full), isDeviceAllowed(cgroup, zero)];
       const states = [state()];
       const undo = setDeviceAccess(cgroup, allow(full));
       states.push(state());
       const names = attached(top).map(({ name }) => name);
       undo();
       states.push(state());
       return { version: cgroup.version, isTop: cgroup.folder === top, states, names, isUndone: isSame(instructionsOf(top), before) };`,
    );
    const closed = ["EPERM", "EPERM", "open", false, false];
    expect(seen).toEqual({
      version: 2,
      isTop: true,
      states: [closed, ["open", "EPERM", "open", true, false], closed],
      names: ["test"],
      isUndone: true,
    });
  });

  test("to allow and then to deny leaves the very instructions, each step done twice changes nothing the second time, and /dev/full can be closed in an open cgroup", () => {
    const seen = inCgroup(
      undefined,
      `attach(top, compileFilter([{ type: "c", major: 1, minor: 5, access: "rw", isAllowed: false }], true), 2);
       enter(top);
       const cgroup = findDeviceCgroup("/proc/self");
       const before = instructionsOf(top);
       const twice = (changes) => {
         setDeviceAccess(cgroup, changes);
         const ids = idsOf(top);
         setDeviceAccess(cgroup, changes)();
         return isSame(idsOf(top), ids);
       };
       return [
         twice(allow(zero)), twice(deny(full)), tryOpen("/dev/zero"), tryOpen("/dev/full"), tryOpen("/dev/full", "r"),
         twice([...deny(zero), ...allow(full)]), tryOpen("/dev/zero"), tryOpen("/dev/full"), isSame(instructionsOf(top), before),
       ];`,
    );
    expect(seen).toEqual([true, true, "open", "EPERM", "EPERM", true, "EPERM", "open", true]);
  });

  test("reading and writing one by one change as well, and making a node stays what it was", () => {
    const seen = inCgroup(
      undefined,
      `const state = () => [tryOpen("/dev/full", constants.O_RDONLY), tryOpen("/dev/full", constants.O_WRONLY), tryMakeNode()];
       attach(top, compileFilter(rules.slice(0, 1), false), 2);
       enter(top);
       setDeviceAccess(findDeviceCgroup("/proc/self"), allow(full));
       return state();`,
    );
    expect(seen).toEqual(["open", "open", "EPERM"]);
  });

  test("a device that is closed can still be made", () => {
    const seen = inCgroup(
      undefined,
      `attach(top, answer(true), 2);
       enter(top);
       setDeviceAccess(findDeviceCgroup("/proc/self"), deny(full));
       return [tryOpen("/dev/full", constants.O_RDONLY), tryOpen("/dev/full", constants.O_WRONLY), tryMakeNode()];`,
    );
    expect(seen).toEqual(["EPERM", "EPERM", "made"]);
  });

  test("every program of the cgroup that denies is exchanged, and the others stay", () => {
    const seen = inCgroup(
      undefined,
      `attach(top, compileFilter(rules, false), 2);
       attach(top, answer(true), 2);
       attach(top, compileFilter(rules.slice(0, 2), false), 2);
       enter(top);
       const cgroup = findDeviceCgroup("/proc/self");
       const [ids, before] = [idsOf(top), instructionsOf(top)];
       const undo = setDeviceAccess(cgroup, allow(full, zero));
       const states = [tryOpen("/dev/full"), tryOpen("/dev/zero"), isDeviceAllowed(cgroup, full)];
       const kept = idsOf(top).map((id, index) => id === ids[index]);
       undo();
       return [states, kept, tryOpen("/dev/full"), isSame(instructionsOf(top), before)];`,
    );
    expect(seen).toEqual([["open", "open", true], [false, true, false], "EPERM", true]);
  });

  test("a device that a cgroup above forbids stays closed, and the refusal names that cgroup and what mends it", () => {
    const seen = inCgroup(
      undefined,
      `const [slice, inner] = [top + "/test.slice", top + "/test.slice/inner"];
       mkdirSync(slice);
       mkdirSync(inner);
       attach(slice, compileFilter(rules, false), 2);
       attach(inner, compileFilter(rules, false), 2);
       enter(inner);
       const cgroup = findDeviceCgroup("/proc/self");
       const ids = [idsOf(slice), idsOf(inner)];
       const refusal = refusalOf(() => setDeviceAccess(cgroup, allow(full)));
       return { refusal: refusal.replaceAll(top, "TOP"), isSame: isSame([idsOf(slice), idsOf(inner)], ids), allowed: isDeviceAllowed(cgroup, full) };`,
    );
    expect(seen).toEqual({
      refusal:
        'BERTH-K002: Cannot allow the device 1:7 in the cgroup "TOP/test.slice/inner": the device program of "TOP/test.slice" above it forbids it to everything in there; ' +
        'systemctl set-property test.slice "DeviceAllow=/dev/char/1:7 rw"',
      isSame: true,
      allowed: false,
    });
  });

  test("without a program of its own every device is open, and one cannot be closed", () => {
    const seen = inCgroup(
      undefined,
      `enter(top);
       const cgroup = findDeviceCgroup("/proc/self");
       setDeviceAccess(cgroup, allow(full))();
       return [isDeviceAllowed(cgroup, full), refusalOf(() => setDeviceAccess(cgroup, deny(full))), attached(top)];`,
    );
    expect(seen).toEqual([true, expect.stringContaining("BERTH-K002: Cannot deny the device 1:7"), []]);
  });

  test("a program with a helper call cannot be understood nor changed, and what was changed before it is undone", () => {
    const seen = inCgroup(
      undefined,
      `attach(top, compileFilter(rules, false), 2);
       attach(top, [instruction({ code: 0x85, imm: 5 }), ...answer(true)], 2);
       enter(top);
       const cgroup = findDeviceCgroup("/proc/self");
       const before = instructionsOf(top);
       const refusal = refusalOf(() => setDeviceAccess(cgroup, allow(full)));
       const asked = isDeviceAllowed(cgroup, { major: 1, minor: 3 });
       return [refusal, isSame(instructionsOf(top), before), tryOpen("/dev/full"), asked ?? "cannot be told"];`,
    );
    const refusal = expect.stringMatching(/^BERTH-K002: .* uses maps, helper calls or hidden constants, and cannot/);
    expect(seen).toEqual([refusal, true, "EPERM", "cannot be told"]);
  });

  test("the undo does nothing for a container that has ended, and refuses when somebody else exchanged the program since", () => {
    const seen = inCgroup(
      undefined,
      `const inner = top + "/inner";
       mkdirSync(inner);
       attach(inner, compileFilter(rules, false), 2);
       enter(inner);
       const cgroup = findDeviceCgroup("/proc/self");
       const [first, second] = [setDeviceAccess(cgroup, allow(full)), setDeviceAccess(cgroup, allow(zero))];
       const refusal = refusalOf(first);
       const states = [tryOpen("/dev/full"), tryOpen("/dev/zero")];
       enter("/sys/fs/cgroup");
       rmdirSync(inner);
       return [refusal, states, refusalOf(second), findDeviceCgroup("/proc/4194305") ?? "no process"];`,
    );
    const refusal = expect.stringMatching(
      /^BERTH-K002: Cannot deny the device 1:7 in .* was exchanged by somebody else/,
    );
    expect(seen).toEqual([refusal, ["open", "open"], "", "no process"]);
  });
});
