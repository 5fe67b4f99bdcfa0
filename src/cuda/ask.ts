import { join } from "node:path";
import { askChild, errnoCode, type AskedChild, type ChildReader } from "../base/index.ts";
import type { Probe } from "./probe.ts";
import { readProbe, type ProbeEnd } from "./read-probe.ts";

/** More is no probe's. */
const MAX_CHARACTERS = 1024 * 1024;
/** No variable of the caller reaches the child: a program on Bun, the loader and the driver's library obey many. */
const PATH = "/usr/sbin:/usr/bin:/sbin:/bin";

/** How CUDA is tried on this machine. */
export interface ProbeOptions {
  /** This program, which is started again. Absolute. */
  readonly executable: string;
  /** The root that the driver's files and nodes are in ("/"); another one takes root. */
  readonly root?: string;
  /** Creating a context takes up to some seconds for each GPU. */
  readonly deadlineMs: number;
  /** Variables for the child beside PATH: LD_LIBRARY_PATH, say. */
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Tries CUDA in a child of this program, which is left to itself at the deadline. A GPU that hangs or a library that
 * crashes is the layer that fails.
 */
export async function probeCuda({ executable, root = "/", deadlineMs, env = {} }: ProbeOptions): Promise<Probe> {
  return probeByChild([...ownCommand(executable), "cuda-probe", "--root", root], deadlineMs, env);
}

/** The same with all words of the child given: it prints the lines of `answer`. */
export async function probeByChild(
  argv: readonly string[],
  deadlineMs: number,
  env: Readonly<Record<string, string>>,
): Promise<Probe> {
  const lines = new Lines();
  try {
    const options = { env: { PATH, ...env }, timeoutMs: deadlineMs };
    const end = await askChild(argv, options, (child, reader) => follow(child, reader, lines));
    return readProbe(lines.text, end ?? { kind: "late", deadlineMs });
  } catch (error) {
    if (errnoCode(error) === undefined) throw error;
    return notStarted(`"${argv[0]}" cannot be started (${String(error)})`);
  }
}

/** The words that start this program again: the built one by itself, from its sources through Bun. */
function ownCommand(executable: string): readonly string[] {
  const isBuilt = import.meta.dir.startsWith("/$bunfs/");
  return isBuilt ? [executable] : [executable, join(import.meta.dir, "../main.ts")];
}

/** What came so far. */
class Lines {
  readonly #decoder = new TextDecoder();
  text = "";

  add(bytes: Uint8Array | undefined): void {
    if (this.text.length < MAX_CHARACTERS) this.text += this.#decoder.decode(bytes, { stream: true });
  }
}

async function follow(child: AskedChild, reader: ChildReader, lines: Lines): Promise<ProbeEnd> {
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    lines.add(value);
  }
  await child.exited;
  return child.signalCode === null
    ? { kind: "exited", code: child.exitCode ?? 0 }
    : { kind: "killed", signal: `${child.signalCode}` };
}

function notStarted(detail: string): Probe {
  return {
    layers: [{ id: "library", state: "failed", detail, code: undefined }],
    cuda: undefined,
    gpus: [],
    libc: undefined,
  };
}
