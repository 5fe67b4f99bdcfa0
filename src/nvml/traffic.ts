import type { Handle } from "./device.ts";
import type { GpuFacts } from "./gpu-state.ts";
import type { Nvml } from "./library.ts";

/** NVML_PCIE_UTIL_TX_BYTES, NVML_PCIE_UTIL_RX_BYTES; in KiB a second. */
const PCIE_TX = 0;
const PCIE_RX = 1;
/** NVML_FI_DEV_NVLINK_THROUGHPUT_DATA_TX and _RX; in KiB. */
const NVLINK_TX = 138;
const NVLINK_RX = 139;
/** All links of the GPU together. */
const ALL_LINKS = 0xffffffff;
/** `nvmlFieldValue_t`: field, scope, 16 bytes of times, type, return code, 8 bytes of value. */
const FIELD_BYTES = 40;
const SCOPE_AT = 4;
const TYPE_AT = 24;
const CODE_AT = 28;
const VALUE_AT = 32;
/** NVML_VALUE_TYPE_UNSIGNED_LONG, _UNSIGNED_LONG_LONG: others do not hold a counter of this size. */
const COUNTER_TYPES: ReadonlySet<number> = new Set([2, 3]);
const KIB = 1024;

/** What goes over PCIe now, and what has gone over NVLink. Each direction of PCIe takes the driver 20 ms. */
export function readTraffic(nvml: Nvml, gpu: Handle): GpuFacts {
  return {
    pcieRxBytesPerSecond: readPcie(nvml, gpu, PCIE_RX),
    pcieTxBytesPerSecond: readPcie(nvml, gpu, PCIE_TX),
    ...readNvlinkCounters(nvml, gpu),
  };
}

function readPcie(nvml: Nvml, gpu: Handle, direction: number): number | undefined {
  const rate = new Uint32Array(1);
  return nvml.ask("pcieThroughput", gpu, direction, rate) ? (rate[0] ?? 0) * KIB : undefined;
}

function readNvlinkCounters(nvml: Nvml, gpu: Handle): GpuFacts {
  const fields = [NVLINK_RX, NVLINK_TX];
  const bytes = new Uint8Array(fields.length * FIELD_BYTES);
  const view = new DataView(bytes.buffer);
  fields.forEach((field, at) => {
    view.setUint32(at * FIELD_BYTES, field, true);
    view.setUint32(at * FIELD_BYTES + SCOPE_AT, ALL_LINKS, true);
  });
  if (!nvml.ask("fieldValues", gpu, fields.length, bytes)) return {};
  const [nvlinkRxBytes, nvlinkTxBytes] = fields.map((_, at) => counterAt(view, at * FIELD_BYTES));
  return { nvlinkRxBytes, nvlinkTxBytes };
}

/** Each field has its own return code. */
function counterAt(view: DataView, at: number): number | undefined {
  const isCounter = view.getUint32(at + CODE_AT, true) === 0 && COUNTER_TYPES.has(view.getUint32(at + TYPE_AT, true));
  return isCounter ? Number(view.getBigUint64(at + VALUE_AT, true)) * KIB : undefined;
}
