import { checkCdi } from "../../doctor/index.ts";
import type { World } from "../context.ts";
import { findSite } from "../site.ts";
import { formatCheck, toJson } from "./format-check.ts";

interface Flags {
  readonly json?: boolean;
}

/** `berth cdi check`: what of the CDI files of a machine does not hold, line by line, and which engines can read them. */
export async function check(this: World, { json }: Flags): Promise<void> {
  const { root, config } = findSite(this);
  const result = await checkCdi({ root, config, env: this.env, executable: this.executable });
  this.print(json === true ? `${JSON.stringify(toJson(result), null, 2)}\n` : formatCheck(result));
  // What is wrong has been said: no error is left to be printed.
  if (!result.isGood) Object.assign(this.process, { exitCode: 1 });
}
