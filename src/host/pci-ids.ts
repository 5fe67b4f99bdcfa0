type Block = readonly [first: number, last: number, computeCapability: string];

/** Device ids whose chip differs from that of their block, or whose block is not known. */
const SINGLE_IDS: readonly Block[] = [
  [0x102d, 0x102d, "3.7"], // GK210: Tesla K80, within the block of GK110
  [0x2b00, 0x2b00, "11.0"], // GB10B: Jetson Thor with the OpenRM driver (10.1 was its name before CUDA 13)
  [0x2e12, 0x2e12, "12.1"], // GB20B: GB10, DGX Spark
];

/**
 * The blocks of device ids, one chip each. From Kepler on: `devid_chips.py` of NVIDIA's gpu-admin-tools; Fermi: the chip
 * tables of envytools. Both agree with pci.ids (2025-06) on every product. The compute capabilities are those of
 * developer.nvidia.com/cuda-gpus and cuda-legacy-gpus, by chip as in Mesa's `sm_for_chipset`.
 */
const BLOCKS: readonly Block[] = [
  [0x06c0, 0x06df, "2.0"], // GF100
  [0x0dc0, 0x0ddf, "2.1"], // GF106
  [0x0de0, 0x0dff, "2.1"], // GF108
  [0x0e20, 0x0e3f, "2.1"], // GF104
  [0x0f00, 0x0f06, "2.1"], // GF108, those that pci.ids names
  [0x0fc0, 0x0fff, "3.0"], // GK107
  [0x1000, 0x103f, "3.5"], // GK110
  [0x1040, 0x107f, "2.1"], // GF119
  [0x1080, 0x109f, "2.0"], // GF110
  [0x1140, 0x1140, "2.1"], // GF117
  [0x1180, 0x11bf, "3.0"], // GK104
  [0x11c0, 0x11ff, "3.0"], // GK106
  [0x1200, 0x121f, "2.1"], // GF114
  [0x1240, 0x125f, "2.1"], // GF116
  [0x1280, 0x12bf, "3.5"], // GK208
  [0x1340, 0x137f, "5.0"], // GM108
  [0x1380, 0x13bf, "5.0"], // GM107
  [0x13c0, 0x13ff, "5.2"], // GM204
  [0x1400, 0x143f, "5.2"], // GM206
  [0x15c0, 0x15ff, "6.0"], // GP100
  [0x1600, 0x163f, "5.2"], // GM204
  [0x1640, 0x167f, "5.2"], // GM206
  [0x1700, 0x173f, "6.0"], // GP100
  [0x1740, 0x177f, "5.0"], // GM108
  [0x1780, 0x17bf, "5.0"], // GM107
  [0x17c0, 0x183f, "5.2"], // GM200
  [0x1b00, 0x1b7f, "6.1"], // GP102
  [0x1b80, 0x1bff, "6.1"], // GP104
  [0x1c00, 0x1c7f, "6.1"], // GP106
  [0x1c80, 0x1cff, "6.1"], // GP107
  [0x1d00, 0x1d7f, "6.1"], // GP108
  [0x1d80, 0x1dff, "7.0"], // GV100
  [0x1e00, 0x1e7f, "7.5"], // TU102
  [0x1e80, 0x1eff, "7.5"], // TU104
  [0x1f00, 0x1f7f, "7.5"], // TU106
  [0x1f80, 0x1fff, "7.5"], // TU117
  [0x2080, 0x20ff, "8.0"], // GA100
  [0x2180, 0x21ff, "7.5"], // TU116
  [0x2200, 0x227f, "8.6"], // GA102
  [0x2300, 0x237f, "9.0"], // GH100
  [0x2400, 0x247f, "8.6"], // GA103
  [0x2480, 0x24ff, "8.6"], // GA104
  [0x2500, 0x257f, "8.6"], // GA106
  [0x2580, 0x25ff, "8.6"], // GA107
  [0x2680, 0x26ff, "8.9"], // AD102
  [0x2700, 0x277f, "8.9"], // AD103
  [0x2780, 0x27ff, "8.9"], // AD104
  [0x2800, 0x287f, "8.9"], // AD106
  [0x2880, 0x28ff, "8.9"], // AD107
  [0x2900, 0x297f, "10.0"], // GB100
  [0x2980, 0x29ff, "10.0"], // GB102
  [0x2b80, 0x2bff, "12.0"], // GB202
  [0x2c00, 0x2c7f, "12.0"], // GB203
  [0x2d00, 0x2d7f, "12.0"], // GB206
  [0x2d80, 0x2dff, "12.0"], // GB207
  [0x2f00, 0x2f7f, "12.0"], // GB205
  [0x3180, 0x31ff, "10.3"], // GB110
];

/**
 * The compute capability ("9.0") of the GPU with a PCI device id of vendor 0x10de, told without the driver. Undefined for
 * a chip older than Fermi, a Tegra before Thor, and any chip that is newer than this table.
 */
export function computeCapabilityOf(pciDeviceId: number): string | undefined {
  return (find(SINGLE_IDS, pciDeviceId) ?? find(BLOCKS, pciDeviceId))?.[2];
}

function find(blocks: readonly Block[], id: number): Block | undefined {
  return blocks.find(([first, last]) => first <= id && id <= last);
}
