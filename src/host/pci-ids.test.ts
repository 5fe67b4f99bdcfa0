import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { computeCapabilityOf } from "./pci-ids.ts";

test.each([
  [0x06d1, "2.0", "Tesla C2050"],
  [0x1091, "2.0", "Tesla M2090"],
  [0x0f00, "2.1", "GeForce GT 630"],
  [0x1140, "2.1", "GeForce 610M"],
  [0x118f, "3.0", "Tesla K10"],
  [0x0ff2, "3.0", "GRID K1"],
  [0x1023, "3.5", "Tesla K40m"],
  [0x102d, "3.7", "Tesla K80"],
  [0x1287, "3.5", "GeForce GT 730"],
  [0x13bd, "5.0", "Tesla M10"],
  [0x174d, "5.0", "GeForce MX130"],
  [0x13f2, "5.2", "Tesla M60"],
  [0x17fd, "5.2", "Tesla M40"],
  [0x15f8, "6.0", "Tesla P100 PCIe 16GB"],
  [0x1b38, "6.1", "Tesla P40"],
  [0x1d01, "6.1", "GeForce GT 1030"],
  [0x1db1, "7.0", "Tesla V100 SXM2 16GB"],
  [0x1eb8, "7.5", "Tesla T4"],
  [0x2184, "7.5", "GeForce GTX 1660"],
  [0x20b2, "8.0", "A100 SXM4 80GB"],
  [0x20b7, "8.0", "A30"],
  [0x2204, "8.6", "GeForce RTX 3090"],
  [0x2235, "8.6", "A40"],
  [0x25b6, "8.6", "A16"],
  [0x26b9, "8.9", "L40S"],
  [0x27b8, "8.9", "L4"],
  [0x28e1, "8.9", "GeForce RTX 4050 Laptop GPU"],
  [0x2330, "9.0", "H100 SXM5 80GB"],
  [0x2335, "9.0", "H200"],
  [0x2342, "9.0", "GH200"],
  [0x2901, "10.0", "B200"],
  [0x2941, "10.0", "GB200"],
  [0x29bc, "10.0", "B100"],
  [0x3182, "10.3", "B300"],
  [0x31c2, "10.3", "GB300"],
  [0x2b00, "11.0", "Jetson Thor"],
  [0x2b85, "12.0", "GeForce RTX 5090"],
  [0x2bb5, "12.0", "RTX PRO 6000 Blackwell Server Edition"],
  [0x2f04, "12.0", "GeForce RTX 5070"],
  [0x2e12, "12.1", "GB10"],
])("the GPU with id %i has compute capability %s (%s)", (id, computeCapability) => {
  expect(computeCapabilityOf(id)).toBe(computeCapability);
});

test.each([
  [0x0611, "GeForce 8800 GT, older than Fermi"],
  [0x06e4, "GeForce 8400 GS, in the gap after GF100"],
  [0x0fb8, "the audio function of GP108"],
  [0x0fae, "a PCI bridge of Tegra X1"],
  [0x1af1, "the NVSwitch of A100"],
  [0x22a3, "the NVSwitch of H100"],
  [0x229c, "a PCI bridge of Orin"],
  [0x2b01, "beside Jetson Thor"],
  [0x2e2a, "of the chip of GB10, but of no known product"],
  [0x3200, "GB112, of no known product"],
  [0xffff, "of a chip to come"],
])("the id %i is of no GPU whose compute capability is known (%s)", (id) => {
  expect(computeCapabilityOf(id)).toBeUndefined();
});

test("every answer is a version with two numbers", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 0xffff }), (id) => /^\d+\.\d$/.test(computeCapabilityOf(id) ?? "0.0")),
  );
});
