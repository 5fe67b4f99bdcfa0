import { findIn, type Paste } from "./paste.ts";

/** A program that passed an error on, or made it. */
export interface Layer {
  readonly name: string;
  /** Where its words begin and end in the paste. */
  readonly start: number;
  readonly end: number;
}

/** The words by which programs announce that they pass an error on, in the order in which they are wrapped. */
const MARKS: readonly (readonly [name: string, pattern: RegExp])[] = [
  ["kubelet", /(?:kubelet(?:,|:| )|failed to start container "|error: failed to (?:create|start) containerd task)/],
  ["docker client", /(?:docker: )?error response from daemon:/],
  ["dockerd", /error response from daemon:/],
  ["dockerd", /failed to create task for container:/],
  ["containerd", /rpc error: code = \w{1,24} desc =/],
  ["containerd", /failed to create (?:shim task|containerd task|containerd container):/],
  ["containerd's shim", /oci runtime (?:create|exec|start) failed:/],
  [
    "podman",
    /error: (?=oci runtime error|crun:|runc:|setting up cdi|container create|preparing container|unable to start)/,
  ],
  ["podman", /oci runtime attempted to invoke a command that was not found/],
  ["crun", /crun: /],
  ["runc", /(?:runc (?:create|run) failed:|runc: |unable to start container process:)/],
  ["runc's init", /error during container init:/],
  ["hook", /error (?:running|executing) (?:\w{1,20} )?hook(?: (#\d{1,3}))?/],
  ["nvidia-container-runtime", /nvidia-container-runtime: /],
  ["nvidia-container-runtime-hook", /auto-detected mode as/],
  ["nvidia-cdi-hook", /nvidia-cdi-hook: /],
  ["nvidia-ctk", /nvidia-ctk: /],
  ["nvidia-container-cli", /nvidia-container-cli: /],
  ["NVML", /(?:nvml error:|failed to initialize nvml:)/],
  ["ldconfig", /(?:process \/[\w./-]{0,64}ldconfig(?:\.real)? (?:failed|terminated)|ldconfig(?:\.real)?: )/],
  ["the kernel's NVIDIA driver", /nvrm: /],
  ["a Python program", /traceback \(most recent call last\)/],
];

/** The layers of a pasted error, outermost first. */
export function peel(paste: Paste): readonly Layer[] {
  const found = MARKS.flatMap(([name, pattern]) => {
    const spot = findIn(paste, pattern);
    if (spot === undefined) return [];
    const { start, end, words } = spot;
    // "hook #0"
    return [{ name: [name, ...words.filter((word) => word !== "")].join(" "), start, end }];
  });
  const sorted = found.toSorted((a, b) => a.start - b.start || a.end - b.end);
  return sorted.filter(({ name }, at) => sorted.findIndex((other) => other.name === name) === at);
}

const MAX_QUOTE = 240;

/** A part of the paste to its line's end, as one line. */
export function quoteFrom({ text }: Paste, start: number, end = start): string {
  const window = text.slice(start, Math.max(start, end) + MAX_QUOTE);
  const stop = window.indexOf("\n", Math.max(end - start, 0));
  const line = (stop === -1 ? window : window.slice(0, stop)).replaceAll(/\s{1,64}/g, " ").trim();
  return line.length > MAX_QUOTE ? `${line.slice(0, MAX_QUOTE)}…` : line;
}

const COMPLAINT =
  /error|fail|cannot|could not|couldn't|denied|not found|no such|invalid|unable|fatal|panic|refused|timed out|undefined/i;

/** The words of an unknown text that seem to matter: those of its innermost layer, else its last line that complains. */
export function decisiveWords(paste: Paste, layers: readonly Layer[]): string {
  const inner = layers.at(-1);
  const rest = inner === undefined ? "" : quoteFrom(paste, inner.end);
  if (rest.replace(/^[\s:,.]{1,8}/, "") !== "" && inner?.name !== "a Python program") return rest;
  const lines = paste.text.split("\n").filter((line) => line.trim() !== "");
  const line = lines.findLast((each) => COMPLAINT.test(each)) ?? lines.at(-1) ?? "";
  return quoteFrom({ ...paste, text: line.trim() }, 0);
}
