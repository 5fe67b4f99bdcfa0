import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { isatty } from "node:tty";
import { BerthError, escapeControls } from "../base/index.ts";
import { explain, formatExplanation, MAX_TEXT, openMachine, type Explanation } from "../doctor/index.ts";
import { readContainerTrace, type ContainerTrace } from "../engines/index.ts";
import { hostOptions } from "../host/index.ts";
import { docsOf } from "../install/index.ts";
import type { World } from "./context.ts";
import { readTail } from "./read-tail.ts";
import { findSite } from "./site.ts";
import { partsForReader } from "./wrap-parts.ts";

interface Flags {
  readonly engine?: "docker" | "podman";
  readonly json?: boolean;
}

const STDIN = 0;

/** `berth explain`: what a pasted error means, or that of a container. */
export async function printExplanation(this: World, flags: Flags, ...words: readonly string[]): Promise<void> {
  const { explanation, trace } = await explainWords(this, flags, words);
  if (flags.json === true) {
    this.print(`${JSON.stringify({ ...toJson(explanation), container: traceToJson(trace) }, null, 2)}\n`);
  } else {
    if (trace !== undefined) this.print(`${escapeControls(describe(trace))}\n`);
    if (trace !== undefined && isSilent(trace))
      this.print(`${trace.engine} keeps no error of it, and it has printed nothing.\n`);
    else this.print(partsForReader(formatExplanation(withPlace(explanation, this))));
  }
  if (explanation.kind === "unknown") Object.assign(this.process, { exitCode: 1 });
}

interface Explained {
  readonly explanation: Explanation;
  /** Of the container that was named. */
  readonly trace?: ContainerTrace;
}

async function explainWords(world: World, { engine }: Flags, words: readonly string[]): Promise<Explained> {
  const { root, config } = findSite(world);
  const machine = openMachine(root, { ...hostOptions(config), env: world.env });
  const [word] = words;
  if (word === undefined || (word === "-" && words.length === 1))
    return { explanation: await explain(readStdin(), machine) };
  const asText = await explain(words.join(" "), machine);
  if (words.length > 1 || asText.kind === "known" || !isName(word)) return { explanation: asText };
  const trace = readContainerTrace(word, { env: world.env, engine });
  const ofError = await explain(trace.error, machine);
  if (ofError.kind === "known" || trace.log === "") return { trace, explanation: ofError };
  return { trace, explanation: await explain(`${trace.error}\n${trace.log}`, machine, "container") };
}

/** As engines name containers. */
function isName(word: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9_.-]{0,255}$/.test(word);
}

function readStdin(): string {
  const isTerminal = isatty(STDIN);
  const text = isTerminal ? "" : new TextDecoder().decode(readTail(STDIN, MAX_TEXT));
  if (text.trim() !== "") return text;
  throw new BerthError({
    code: "BERTH-U001",
    message: `Cannot explain: there is no text${isTerminal ? ", and stdin is a terminal" : " on stdin"}`,
    remedy:
      "paste the error in quotes, as in: berth explain 'could not select device driver \"\"', or: docker run … 2>&1 | berth explain",
  });
}

/** The page as a file of this machine, where berth is installed with its docs. */
function withPlace(explanation: Explanation, { executable }: Pick<World, "executable">): Explanation {
  if (explanation.kind === "unknown") return explanation;
  const path = join(docsOf(executable), basename(explanation.page));
  return existsSync(path) ? { ...explanation, page: path } : explanation;
}

function describe({ engine, id, status, exitCode, error }: ContainerTrace): string {
  const code = exitCode === undefined || status === "running" ? "" : `, exit code ${exitCode}`;
  return `${engine} ${id.slice(0, 12)} (${status}${code})${error === "" ? "" : `: ${error}`}`;
}

/** There is nothing to be explained. */
function isSilent({ error, log }: ContainerTrace): boolean {
  return error.trim() === "" && log.trim() === "";
}

function traceToJson(trace: ContainerTrace | undefined): object | null {
  if (trace === undefined) return null;
  const { engine, id, status, exitCode = null, error } = trace;
  return { engine, id, status, exitCode, error };
}

/** The stable JSON form. */
function toJson(explanation: Explanation): object {
  if (explanation.kind === "unknown") return explanation;
  const { here, row = null, ...rest } = explanation;
  return {
    ...rest,
    row,
    here: here === undefined ? null : { cause: here.cause, remedy: here.remedy ?? null, isSeen: here.isSeen },
  };
}
