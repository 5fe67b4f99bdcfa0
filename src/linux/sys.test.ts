import { expect, test } from "bun:test";
import { constants as osConstants } from "node:os";
import { cString, errnoName, syscall, SysError, trySyscall } from "./sys.ts";

const AT_FDCWD = -100;
const HOW = new BigUint64Array([0o10000000n | 0o2000000n, 0n, 0n]);

function openNowhere(): number {
  return syscall("/nowhere", "openat2", AT_FDCWD, "/nowhere", HOW, 24);
}

test("trySyscall gives the result of the kernel, or the negative errno", () => {
  const fd = trySyscall("openat2", AT_FDCWD, "/", HOW, 24);
  expect(fd).toBeGreaterThan(2);
  expect(trySyscall("close", fd)).toBe(0);
  expect(errnoName(-trySyscall("close", fd))).toBe("EBADF");
});

test("trySyscall gives the errno of its own call, however often others come between", () => {
  for (let round = 0; round < 5000; round++) {
    expect(trySyscall("openat2", AT_FDCWD, "/nowhere", HOW, 24)).toBe(-2);
    expect(trySyscall("close", -1)).toBe(-9);
  }
});

test("syscall throws an error that names the call, its code and what it was about", () => {
  expect(openNowhere).toThrow(SysError);
  expect(openNowhere).toThrow('openat2 "/nowhere": ENOENT');
});

test("cString refuses a NUL, which would cut a path short", () => {
  expect(() => cString("/etc\0/passwd")).toThrow(TypeError);
  expect(cString("é")).toEqual(Uint8Array.from(Buffer.from([0xc3, 0xa9, 0])));
});

test("errnoName gives the names of the C library", () => {
  const wanted = Object.entries(osConstants.errno).filter(([name, number]) => number <= 40 && name !== "EWOULDBLOCK");
  expect(wanted.length).toBeGreaterThan(30);
  for (const [name, number] of wanted) expect([number, errnoName(number)]).toEqual([number, name]);
  expect(errnoName(122)).toBe("EDQUOT");
});
