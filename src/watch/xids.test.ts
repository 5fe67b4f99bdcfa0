import { expect, test } from "bun:test";
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { KernelLog, parseXid } from "./index.ts";

test.each([
  [
    "4,1201,5678901,-;NVRM: Xid (PCI:0000:1b:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus.",
    { bus: "0000:1b:00.0", code: 79, text: "pid='<unknown>', name=<unknown>, GPU has fallen off the bus.", sinceBootMs: 5678.901 },
  ],
  ["4,7,1000,-;NVRM: Xid (PCI:0000:3B:00): 31, pid=4242, Ch 00000010", { bus: "0000:3b:00.0", code: 31, text: "pid=4242, Ch 00000010", sinceBootMs: 1 }],
  ["4,7,1000,-,caller=T1;NVRM: Xid (PCI:0009:01:00): 94", { bus: "0009:01:00.0", code: 94, text: "", sinceBootMs: 1 }],
  ["4,7,1000,-;NVRM: Xid (PCI:00000009:01:00.0): 94", { bus: "0009:01:00.0", code: 94, text: "", sinceBootMs: 1 }],
  ["6,7,1000,-;NVRM: loading NVIDIA UNIX x86_64 Kernel Module", undefined],
  ["12,7,1000,-;NVRM: Xid (PCI:0000:1b:00): 79, that root wrote with echo", undefined],
  [" SUBSYSTEM=pci", undefined],
])("an Xid is read from a record of the kernel's log, and from nothing else: %s", (record, xid) => {
  expect(parseXid(record)).toEqual(xid);
}); // prettier-ignore

test("the last Xid of each GPU counts, and what comes later is read when asked again", () => {
  const folder = mkdtempSync(join(tmpdir(), "berth-xid-"));
  try {
    const path = join(folder, "kmsg");
    const line = (code: number, bus = "1b"): string => `4,1,1000,-;NVRM: Xid (PCI:0000:${bus}:00): ${code}, x\n`;
    writeFileSync(path, line(13) + line(31) + line(48, "3d") + line(79).slice(0, 20));
    using log = KernelLog.open(path);
    const codes = () => [...(log?.lastXids() ?? [])].map(([bus, { code }]) => `${bus} ${code}`);
    expect(codes()).toEqual(["0000:1b:00.0 31", "0000:3d:00.0 48"]);
    appendFileSync(path, line(79).slice(20));
    expect(codes()).toEqual(["0000:1b:00.0 79", "0000:3d:00.0 48"]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("no log is no error", () => {
  expect([KernelLog.open("/nowhere/kmsg"), KernelLog.open("/")]).toEqual([undefined, undefined]);
});
