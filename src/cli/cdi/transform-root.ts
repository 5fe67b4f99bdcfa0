import { planOutput, saveCdi } from "../../apply/index.ts";
import { formatCdiSpec, readCdiSpec, transformRoot, type RootChange } from "../../cdi/index.ts";
import type { World } from "../context.ts";

interface Flags extends RootChange {
  readonly output?: string;
}

/** `berth cdi transform-root FILE`: the file with its paths under another root, printed or written; `-` is stdin. */
export function changeRoot(this: World, { output = "", ...change }: Flags, input: string): void {
  const changed = transformRoot(readCdiSpec(input), change);
  const { path, format } = planOutput(output, undefined);
  const text = formatCdiSpec(changed, format);
  if (path === "") this.print(text);
  else saveCdi(path, text);
}
