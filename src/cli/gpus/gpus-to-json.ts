import { FLAG_FIELDS, NUMBER_FIELDS } from "../../nvml/index.ts";
import type { GpusView, ShownGpu } from "./gpu-view.ts";

/** The text that docs/gpus.schema.json describes. Every field is always there; what is not known is null. `time`: when it was asked. */
export function gpusToJson(view: GpusView, time: Date): string {
  const { driver, gpus, containers, errors } = view;
  const value = {
    schema: "berth-gpus-1",
    time: time.toISOString(),
    driver,
    gpus: gpus.map(gpuToJson),
    processes: gpus.flatMap((gpu) => processesToJson(gpu, view)),
    containers: [...containers.values()].map(({ id, engine, name, image, project }) => ({
      id,
      engine,
      name,
      image,
      project,
    })),
    errors,
  };
  return `${JSON.stringify(value, (_, field: unknown) => field ?? null, 2)}\n`;
}

function gpuToJson({ index, bus, minor, uuid, model, state: { facts, sick, faults } }: ShownGpu) {
  const links = facts.nvlinks?.map(({ link, isActive, remoteBus }) => ({ link, isActive, remoteBus }));
  return {
    index,
    minor,
    bus,
    uuid,
    model,
    sick,
    faults,
    ...Object.fromEntries([...NUMBER_FIELDS, ...FLAG_FIELDS].map((field) => [field, facts[field]])),
    nvlinks: links,
    migDevices: facts.migDevices?.map((mig) => ({
      gpuInstance: mig.gpuInstance,
      computeInstance: mig.computeInstance,
      uuid: mig.uuid,
      memoryTotalBytes: mig.memoryTotalBytes,
      memoryUsedBytes: mig.memoryUsedBytes,
    })),
  };
}

function processesToJson({ index, uuid, state }: ShownGpu, { owned, userNames }: GpusView) {
  return (state.facts.processes ?? []).map(({ pid, kind, memoryBytes, gpuInstance, computeInstance }) => {
    const { uid, command, place } = owned.get(pid) ?? {};
    return {
      gpu: index,
      uuid,
      pid,
      kind,
      memoryBytes,
      gpuInstance,
      computeInstance,
      uid,
      user: uid === undefined ? undefined : userNames.get(uid),
      command,
      containerId: place?.container?.id,
      pod: place?.pod,
      unit: place?.unit,
    };
  });
}
