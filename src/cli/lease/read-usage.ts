import { readGpuStates } from "../../host/index.ts";
import type { Device, Sample, Usage } from "../../leases/index.ts";
import type { GpuState } from "../../nvml/index.ts";
import type { LeaseSite } from "./lease-site.ts";

/** A GPU rests between two steps of a training job, but hardly for so long. */
const PAUSE_MS = 1000;

/** How each device is used, by its key: asked twice. `isAsked` false: nothing is known of any. */
export async function readUsage(
  site: LeaseSite,
  executable: string,
  isAsked: boolean,
): Promise<ReadonlyMap<string, Usage>> {
  if (!isAsked || site.pool.devices.length === 0) return new Map();
  const first = await readGpuStates(site.host, executable);
  // Whoever has no answer at all gets none a second later.
  const isSilent = first.every(({ sick }) => sick !== undefined);
  if (!isSilent) await Bun.sleep(PAUSE_MS);
  const states = isSilent ? [first] : [first, await readGpuStates(site.host, executable)];
  return new Map(site.pool.devices.map((device) => [device.key, usageOf(device, states)]));
}

/** Of all samples together: one that lacks something makes the whole unknown. */
export function usageOf(device: Device, samples: readonly (readonly GpuState[])[]): Usage {
  const parts = samples.map((states) =>
    partOf(
      device,
      states.find(({ target }) => target === device.gpuKey),
    ),
  );
  const unknown = parts.find((part) => typeof part === "string");
  if (unknown !== undefined) return { kind: "unknown", why: unknown };
  const known = parts.filter((part) => typeof part !== "string");
  return { kind: "known", memoryBytes: known.at(-1)?.memoryBytes, samples: known.map(({ sample }) => sample) };
}

interface Part {
  readonly memoryBytes: number | undefined;
  readonly sample: Sample;
}

/** What one GPU says of itself or of one of its MIG devices; a text: why it says nothing. */
function partOf({ key, gpuKey }: Device, state: GpuState | undefined): Part | string {
  if (state === undefined) return "the driver was not asked";
  if (state.sick !== undefined) return state.sick;
  const { facts, faults } = state;
  const [gpuInstance, computeInstance] =
    key === gpuKey
      ? []
      : key
          .slice(gpuKey.length + 1)
          .split("/")
          .map(Number);
  const isPart = gpuInstance !== undefined;
  const mig = facts.migDevices?.find(
    (each) => each.gpuInstance === gpuInstance && each.computeInstance === computeInstance,
  );
  const { memoryUsedBytes, memoryTotalBytes } = isPart ? (mig ?? {}) : facts;
  if (facts.processes === undefined || memoryUsedBytes === undefined) return faults[0] ?? "the driver does not say it";
  const own = facts.processes.filter(
    (each) => !isPart || each.gpuInstance === undefined || each.gpuInstance === gpuInstance,
  );
  const utilisation = isPart ? undefined : facts.gpuPercent;
  return {
    memoryBytes: memoryTotalBytes,
    sample: { processes: own.map(({ pid }) => pid), usedBytes: memoryUsedBytes, utilisation },
  };
}
