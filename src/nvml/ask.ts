import { askChild, errnoCode, type AskedChild, type ChildReader } from "../base/index.ts";
import { parseAnswer, type NvmlAnswer } from "./parse-answer.ts";

/** 16 GPUs with 7 MIG devices each take some 40 KB. */
const MAX_CHARACTERS = 4 * 1024 * 1024;
/** No variable of the caller reaches it: a program on Bun, the loader and the driver's library obey many. */
export const CHILD_ENVIRONMENT = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" };

/**
 * Starts `argv`, a process that prints one `answer`, and waits for its line, but never longer than `timeoutMs`: then it gets
 * SIGKILL and is left to itself, as one that sleeps inside the driver cannot be killed. What goes wrong is an answer.
 */
export async function askInChild(argv: readonly string[], timeoutMs: number): Promise<NvmlAnswer> {
  try {
    const answer = await askChild(argv, { env: CHILD_ENVIRONMENT, timeoutMs }, readAnswer);
    return answer ?? { kind: "failed", why: `it has not answered within ${timeoutMs / 1000} seconds` };
  } catch (error) {
    if (errnoCode(error) === undefined) throw error;
    return { kind: "failed", why: `"${argv[0]}" cannot be started (${String(error)})` };
  }
}

/** The first line is the answer. It is taken before the child has ended, which the driver may hold up. */
async function readAnswer(child: AskedChild, reader: ChildReader): Promise<NvmlAnswer> {
  const decoder = new TextDecoder();
  let text = "";
  while (!text.includes("\n") && text.length < MAX_CHARACTERS) {
    const { done, value } = await reader.read();
    if (done) break;
    text += decoder.decode(value, { stream: true });
  }
  const parsed = parseAnswer(text.split("\n", 1)[0] ?? "");
  if (parsed !== undefined) return parsed;
  if (text !== "") return { kind: "failed", why: "the process that asked it printed something else than an answer" };
  await child.exited;
  const end = child.signalCode === null ? `code ${child.exitCode}` : child.signalCode;
  return { kind: "failed", why: `the process that asked it ended with ${end}` };
}
