import { tryJson } from "../base/index.ts";
import { LAYER_IDS, NO_ANSWER, type Layer, type Libc, type Probe, type ProbedGpu, type Step } from "./probe.ts";

/** How the process that tried CUDA ended. */
export type ProbeEnd =
  | { readonly kind: "exited"; readonly code: number }
  | { readonly kind: "killed"; readonly signal: string }
  | { readonly kind: "late"; readonly deadlineMs: number };

/**
 * What a process that prints the lines of `answer` found, from all that it printed; lines of others are passed over.
 * Where it did not come to its end, the layer at which it stood failed.
 */
export function readProbe(text: string, end: ProbeEnd): Probe {
  const steps = text.split("\n").flatMap((line) => readStep(line) ?? []);
  const layers = inOrder(steps.map(({ layer }) => layer));
  const next = LAYER_IDS[layers.length];
  const isComplete = next === undefined || layers.some(({ state }) => state === "failed");
  const stuck: readonly Layer[] = isComplete
    ? []
    : [{ id: next, state: "failed", detail: describeEnd(end), code: end.kind === "late" ? NO_ANSWER : undefined }];
  return {
    layers: [...layers, ...stuck],
    cuda: steps.findLast(({ cuda }) => cuda !== undefined)?.cuda,
    gpus: steps.findLast(({ gpus }) => gpus !== undefined)?.gpus ?? [],
    libc: steps.findLast(({ libc }) => libc !== undefined)?.libc,
  };
}

/** As far as they come in their order. */
function inOrder(layers: readonly Layer[]): readonly Layer[] {
  const first = layers.findIndex(({ id }, at) => id !== LAYER_IDS[at]);
  return first === -1 ? layers : layers.slice(0, first);
}

function describeEnd(end: ProbeEnd): string {
  switch (end.kind) {
    case "late":
      return `the driver has not answered within ${end.deadlineMs / 1000} seconds`;
    case "killed":
      return `the process that tried it was ended by ${end.signal}`;
    case "exited":
      return `the process that tried it ended with ${end.code}`;
  }
}

type Fields = Readonly<Record<string, unknown>>;

function readStep(line: string): Step | undefined {
  const fields = parseFields(line);
  const layer = fields === undefined ? undefined : readLayer(fields["layer"]);
  if (fields === undefined || layer === undefined) return undefined;
  const { gpus } = fields;
  const [cuda, libc] = [textOf(fields["cuda"]), readLibc(fields["libc"])];
  return {
    layer,
    ...(cuda === undefined ? {} : { cuda }),
    ...(libc === undefined ? {} : { libc }),
    ...(Array.isArray(gpus) ? { gpus: gpus.flatMap((each: unknown) => readGpu(each) ?? []) } : {}),
  };
}

function parseFields(line: string): Fields | undefined {
  // A library may print, and a process that crashed leaves half a line.
  const value = tryJson(line);
  return isFields(value) ? value : undefined;
}

function readLayer(value: unknown): Layer | undefined {
  if (!isFields(value)) return undefined;
  const id = LAYER_IDS.find((each) => each === value["id"]);
  const state = (["good", "failed", "absent"] as const).find((each) => each === value["state"]);
  const detail = textOf(value["detail"]);
  if (id === undefined || state === undefined || detail === undefined) return undefined;
  return { id, state, detail, code: textOf(value["code"]) };
}

function readGpu(value: unknown): ProbedGpu | undefined {
  if (!isFields(value)) return undefined;
  const index = value["index"];
  if (typeof index !== "number" || !Number.isSafeInteger(index) || index < 0) return undefined;
  return { index, name: textOf(value["name"]), uuid: textOf(value["uuid"]) };
}

function readLibc(value: unknown): Libc | undefined {
  return (["glibc", "musl", "none"] as const).find((each) => each === value);
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
