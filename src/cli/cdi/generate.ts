import { generateCdi, planOutput, saveCdi } from "../../apply/index.ts";
import type { World } from "../context.ts";
import { findSite } from "../site.ts";
import { noteWarnings } from "../note-warnings.ts";
import { inputOf, summarize, type ChoosingFlags } from "./generate-input.ts";

interface Flags extends ChoosingFlags {
  readonly output?: string;
}

/** `berth cdi generate`: the CDI file of this host, printed or put into a file. */
export async function generate(this: World, flags: Flags): Promise<void> {
  const site = findSite(this);
  const output = planOutput(flags.output ?? "", flags.format);
  const made = await generateCdi({ ...inputOf(this, site, flags), format: output.format });
  noteWarnings(this, [...site.config.warnings, ...made.warnings, output.warning ?? []].flat());
  if (output.path === "") return this.print(made.text);
  saveCdi(output.path, made.text);
  this.note(`Wrote "${output.path}": ${summarize(made)}\n`);
}
