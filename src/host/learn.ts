import { existsSync } from "node:fs";
import { join } from "node:path";
import { askInChild, type NvmlAnswer, type NvmlInventory, type NvmlPlace } from "../nvml/index.ts";
import type { Host } from "./host.ts";
import { rememberFacts, type Remembered } from "./remember.ts";

const DEADLINE_MS = 10_000;

export interface Lesson extends Remembered {
  /** One sentence for each thing that the driver could not be asked, or that does not fit. */
  readonly complaints: readonly string[];
}

/**
 * Asks the driver of a described host, in a child process of `executable` (this program) with a deadline, and keeps the
 * answers. What cannot be asked is a complaint, never an error.
 */
export async function learn(host: Host, executable: string, deadlineMs = DEADLINE_MS): Promise<Lesson> {
  const answer = await askDriver(host, executable, deadlineMs);
  if (answer.kind === "failed") return { ...rememberFacts(host), complaints: [failure(host, answer.why)] };
  const remembered = rememberFacts(host, answer.inventory);
  const unkept = remembered.isKept ? [] : ["this user may not keep what the driver said: a container's start lacks it"];
  return { ...remembered, complaints: [...compare(host, answer.inventory), ...unkept] };
}

/** What the driver's library says of a described host, in a child process of `executable` (this program) with a deadline. What goes wrong is an answer. */
export async function askDriver(host: Host, executable: string, deadlineMs = DEADLINE_MS): Promise<NvmlAnswer> {
  const place = findDriverLibrary(host);
  if (place === undefined) return { kind: "failed", why: "there is no libnvidia-ml.so.1 among its libraries" };
  const flags = ["--root", place.root, "--library", place.library];
  return askInChild([...ownCommand(executable), "learn-nvml", ...flags], deadlineMs);
}

/** The words that start this program again: the built one by itself, from its sources through Bun. */
export function ownCommand(executable: string): readonly string[] {
  const isBuilt = import.meta.dir.startsWith("/$bunfs/");
  return isBuilt ? [executable] : [executable, join(import.meta.dir, "../main.ts")];
}

/**
 * The library, and the root under which it finds its files and the device nodes: the driver's own root where nodes are in
 * there, as in a driver container, else the host's.
 */
export function findDriverLibrary(host: Host): NvmlPlace | undefined {
  const ofUnit = host.unit?.items.filter((item) => item.kind === "library") ?? [];
  const library = [...host.libraries, ...ofUnit].find(
    ({ soname, architecture }) => soname === "libnvidia-ml.so.1" && architecture !== "i386",
  );
  if (library === undefined) return undefined;
  const { path, hostPath } = library;
  const driverRoot = hostPath.endsWith(path) ? hostPath.slice(0, -path.length) || "/" : host.root;
  const root = existsSync(join(driverRoot, "dev/nvidiactl")) ? driverRoot : host.root;
  return { root, library: root === "/" ? hostPath : hostPath.slice(root.length) };
}

function failure(host: Host, why: string): string {
  const unknown = whatIsUnknown(host);
  const rest = unknown.length === 0 ? "all that is shown is known without it" : `not known: ${unknown.join("; ")}`;
  return `the driver could not be asked: ${why}; ${rest}`;
}

function whatIsUnknown(host: Host): readonly string[] {
  const gpus = (isUnknown: (gpu: Host["gpus"][number]) => boolean): string =>
    host.gpus
      .filter(isUnknown)
      .map(({ index }) => index)
      .join(", ");
  const facts = [
    ["the UUID of GPU", gpus(({ uuid }) => uuid === undefined)],
    ["the compute capability of GPU", gpus(({ computeCapability }) => computeCapability === undefined)],
    [
      "UUID, number and profile of the MIG devices of GPU",
      gpus(({ migDevices }) => migDevices.some(({ uuid, index }) => uuid === undefined || index === undefined)),
    ],
    ["the CUDA version", host.driver !== undefined && host.driver.cuda === undefined ? "of this driver" : ""],
  ];
  return facts.filter(([, which]) => which !== "").map((words) => words.join(" "));
}

/** What the driver says against the description: a GPU with another number would be the wrong GPU. */
function compare(host: Host, { gpus, skipped }: NvmlInventory): readonly string[] {
  const sick = skipped.map(({ index, why }) => `the driver's GPU ${index} could not be asked: ${why}`);
  const moved = gpus.find(({ index, bus }) => host.gpus.some((gpu) => gpu.bus === bus && gpu.index !== index));
  if (moved === undefined) return sick;
  const here = host.gpus.find(({ bus }) => bus === moved.bus)?.index;
  return [...sick, `the driver counts differently: ${moved.bus} is its GPU ${moved.index}, and GPU ${here} here`];
}
