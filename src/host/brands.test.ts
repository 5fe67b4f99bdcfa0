import { expect, test } from "bun:test";
import { brandOf, brandFamily, brandOfNumber, hasForwardCompatibility } from "./brands.ts";

test.each([
  ["NVIDIA A100-SXM4-80GB", "nvidia"],
  ["NVIDIA A100 80GB PCIe", "nvidia"],
  ["NVIDIA A40", "nvidia"],
  ["NVIDIA A10G", "nvidia"],
  ["NVIDIA AX800", "nvidia"],
  ["NVIDIA L4", "nvidia"],
  ["NVIDIA L40S", "nvidia"],
  ["NVIDIA H100 80GB HBM3", "nvidia"],
  ["NVIDIA H100 NVL", "nvidia"],
  ["NVIDIA GH200 480GB", "nvidia"],
  ["NVIDIA B200", "nvidia"],
  ["NVIDIA B300 SXM6 AC", "nvidia"],
  ["NVIDIA GB200", "nvidia"],
  ["Tesla T4", "nvidia"],
  ["A100-SXM4-40GB", "tesla"],
  ["Tesla T40 24GB", "tesla"],
  ["Tesla V100-SXM2-16GB", "tesla"],
  ["Tesla P40", "tesla"],
  ["Tesla K80", "tesla"],
  ["NVIDIA GeForce RTX 3090", "geforce"],
  ["NVIDIA GeForce RTX 5090", "geforce"],
  ["GeForce RTX 2080 Ti", "geforce"],
  ["GeForce GTX TITAN X", "geforce"],
  ["NVIDIA TITAN X (Pascal)", "geforce"],
  ["TITAN Xp", "geforce"],
  ["NVIDIA TITAN RTX", "titan"],
  ["NVIDIA TITAN V", "titan"],
  ["NVIDIA RTX A6000", "nvidiartx"],
  ["NVIDIA RTX 6000 Ada Generation", "nvidiartx"],
  ["NVIDIA RTX PRO 6000 Blackwell Server Edition", "nvidiartx"],
  ["Quadro RTX 8000", "quadrortx"],
  ["Quadro P2000", "quadro"],
  ["NVS 510", "nvs"],
  ["NVIDIA NVS 810", "nvs"],
  ["GRID K520", "grid"],
  ["GRID A100-4C", "vcs"],
  ["GRID A100-1-5CME", "vcs"],
  ["GRID RTX6000-1Q", "vws"],
  ["NVIDIA RTXA6000-24Q", "vws"],
  ["NVIDIA A10-12Q", "vws"],
  ["NVIDIA A16-2B", "vpc"],
  ["NVIDIA A16-16A", "vapps"],
])("a GPU of model %s is of brand %s", (model, brand) => {
  expect(brandOf(model)).toBe(brand);
});

test.each([
  "",
  "Unknown",
  "NVIDIA",
  "NVIDIA Graphics Device",
  "NVIDIA GB10",
  "NVIDIA Thor",
  "NVIDIA T1000",
  "Orin (nvgpu)",
])("the brand of a GPU of model %j is not known", (model) => {
  expect(brandOf(model)).toBe("unknown");
});

test.each([
  [0, "unknown"],
  [1, "quadro"],
  [2, "tesla"],
  [3, "nvs"],
  [4, "grid"],
  [5, "geforce"],
  [6, "titan"],
  [7, "vapps"],
  [8, "vpc"],
  [9, "vcs"],
  [10, "vws"],
  [11, "cloudgaming"],
  [12, "quadrortx"],
  [13, "nvidiartx"],
  [14, "nvidia"],
  [15, "geforcertx"],
  [16, "titanrtx"],
  [17, "unknown"],
  [-1, "unknown"],
  [0.5, "unknown"],
])("NVML's brand %d is %s", (number, brand) => {
  expect(brandOfNumber(number)).toBe(brand);
});

test.each([
  ["nvidia", true],
  ["tesla", true],
  ["geforce", false],
  ["geforcertx", false],
  ["titan", false],
  ["titanrtx", false],
  ["nvidiartx", undefined],
  ["quadrortx", undefined],
  ["quadro", undefined],
  ["vws", undefined],
  ["unknown", undefined],
])("whether CUDA's forward compatibility works on brand %s: %p", (brand, expected) => {
  expect(hasForwardCompatibility(brand)).toBe(expected);
});

test("brands that are the same cards under drivers of different age are one family", () => {
  expect(brandFamily("nvidia")).toBe(brandFamily("tesla"));
  expect(brandFamily("geforcertx")).toBe(brandFamily("geforce"));
  expect(brandFamily("titanrtx")).toBe(brandFamily("titan"));
  expect(brandFamily("quadrortx")).toBe(brandFamily("quadro"));
  expect(new Set(["tesla", "geforce", "titan", "quadro", "nvidiartx", "unknown"].map(brandFamily)).size).toBe(6);
});
