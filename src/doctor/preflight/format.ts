import { escapeControls } from "../../base/index.ts";
import type { Image } from "../../engines/index.ts";
import type { Host } from "../../host/index.ts";
import type { Preflight } from "./judge-image.ts";

type Row = readonly [name: string, text: string | undefined];

const WIDTH = 11;

/** A verdict for a terminal, a line for each part. */
export function formatPreflight(image: Image, host: Host, preflight: Preflight): string {
  const { facts, problem, gpus, notes } = preflight;
  const rows: readonly Row[] = [
    [
      "image",
      `${image.name}${image.source === image.name ? "" : ` (${image.source})`}, ${image.os ?? "linux"}/${image.architecture ?? "unknown"}`,
    ],
    ["cuda", facts.cuda === undefined ? "it does not say" : `${facts.cuda} (${facts.cudaOrigin ?? ""})`],
    ["cudnn", facts.cudnn],
    ["code for", listOrNothing([...facts.architectures, ...facts.portable.map((version) => `${version} and newer`)])],
    ["demands", listOrNothing(image.env.filter((entry) => entry.startsWith("NVIDIA_REQUIRE_")))],
    ["driver", describeDriver(host)],
    ["gpus", listOrNothing(gpus.map(({ index, model }) => `${index}: ${model}`))],
    ["answer", answer(preflight)],
    ["remedy", problem?.remedy],
    ["would do", whatWouldDo(preflight)],
    ...notes.map((note): Row => ["note", note]),
  ];
  return rows
    .flatMap(([name, text]) => (text === undefined ? [] : [`${`${name}:`.padEnd(WIDTH)}${escapeControls(text)}\n`]))
    .join("");
}

function listOrNothing(items: readonly string[]): string | undefined {
  return items.length === 0 ? undefined : items.join(", ");
}

function describeDriver({ driver, absence }: Host): string {
  if (driver === undefined) return absence?.why ?? "none is loaded";
  const { version = "of unknown version", cuda } = driver;
  return `${version}${cuda === undefined ? "" : `, CUDA ${cuda.version}${cuda.isExact ? "" : " at least"}`}`;
}

function answer({ verdict, problem }: Preflight): string {
  const why = problem === undefined ? "" : `: ${problem.code}: ${problem.message}`;
  switch (verdict) {
    case "starts":
      return "would start here";
    case "refused":
      return `would be refused${why}`;
    case "unsure":
      return `would be refused, unless the image has CUDA libraries of its own that are as new as it is${why}`;
  }
}

/** The smallest driver, or the kind of image. */
function whatWouldDo({ verdict, smallestDriver, newestCuda, problem }: Preflight): string | undefined {
  if (verdict === "starts" || smallestDriver === undefined) return undefined;
  const isOld = problem?.code === "BERTH-R007" && newestCuda !== undefined;
  return `driver ${smallestDriver} or newer${isOld ? `, or an image for CUDA ${newestCuda} or older` : ""}`;
}

/** The stable JSON form. */
export function preflightToJson(image: Image, host: Host, preflight: Preflight): object {
  const { verdict, facts, problem, gpus, smallestDriver = null, newestCuda = null, notes } = preflight;
  return {
    verdict,
    problem: problem === undefined ? null : { code: problem.code, message: problem.message, remedy: problem.remedy },
    smallestDriver,
    newestCuda,
    image: {
      name: image.name,
      source: image.source,
      os: image.os ?? null,
      architecture: image.architecture ?? null,
      cuda: facts.cuda ?? null,
      cudnn: facts.cudnn ?? null,
      codeFor: facts.architectures,
      portableFrom: facts.portable,
      compatPackage: facts.compatPackage ?? null,
      conditions: image.env.filter((entry) => entry.startsWith("NVIDIA_REQUIRE_")),
    },
    driver: host.driver?.version ?? null,
    gpus: gpus.map(({ index, model, uuid = null }) => ({ index, model, uuid })),
    notes,
  };
}
