import { escapeControls } from "../../base/index.ts";

/** What an API answers, or why it does not. */
export type Got = { readonly isGood: true; readonly value: unknown } | { readonly isGood: false; readonly why: string };

/** What each of these means, where a socket is concerned. */
const REASONS: Readonly<Partial<Record<string, (socket: string) => string>>> = {
  ENOENT: (socket) => `there is no "${socket}": the daemon does not run, or listens elsewhere`,
  ECONNREFUSED: (socket) => `nobody listens on "${socket}": the daemon has ended`,
  EACCES: mayNot,
  EPERM: mayNot,
};

function mayNot(socket: string): string {
  return `this user may not use "${socket}"`;
}

/** More is no answer of a daemon's. */
const MAX_BYTES = 16 * 1024 * 1024;

/** GET over a Unix socket, within a time and a size. Never throws: whatever a daemon does is an answer. */
export async function getJson(socket: string, path: string, timeoutMs: number): Promise<Got> {
  try {
    const response = await fetch(`http://localhost${path}`, {
      unix: socket,
      signal: AbortSignal.timeout(timeoutMs),
      redirect: "error",
    });
    const text = await readAll(response);
    if (text === undefined) return { isGood: false, why: `its answer has more than ${MAX_BYTES} bytes` };
    if (!response.ok)
      return { isGood: false, why: `it answered ${response.status}: ${escapeControls(text.trim().slice(0, 300))}` };
    return { isGood: true, value: JSON.parse(text) };
  } catch (thrown) {
    return { isGood: false, why: reasonOf(thrown, socket, timeoutMs) };
  }
}

/** Undefined: it does not come to an end. */
async function readAll({ body }: Response): Promise<string | undefined> {
  const reader = body?.getReader();
  const parts: Uint8Array[] = [];
  let length = 0;
  for (let part = await reader?.read(); part?.done === false; part = await reader?.read()) {
    length += part.value.length;
    if (length > MAX_BYTES) {
      await reader?.cancel();
      return undefined;
    }
    parts.push(part.value);
  }
  return new TextDecoder().decode(Buffer.concat(parts));
}

function reasonOf(thrown: unknown, socket: string, timeoutMs: number): string {
  if (thrown instanceof SyntaxError) return "its answer is no JSON";
  if (!(thrown instanceof Error)) return String(thrown);
  if (thrown.name === "TimeoutError") return `it did not answer within ${timeoutMs / 1000} seconds`;
  const code = "code" in thrown && typeof thrown.code === "string" ? thrown.code : "";
  return REASONS[code]?.(socket) ?? escapeControls(thrown.message.slice(0, 300));
}
