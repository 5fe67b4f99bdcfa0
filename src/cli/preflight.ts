import { formatPreflight, judgeImage, preflightToJson } from "../doctor/index.ts";
import { readImage } from "../engines/index.ts";
import { describeHost, hostOptions } from "../host/index.ts";
import type { World } from "./context.ts";
import { noteWarnings } from "./note-warnings.ts";
import { findSite } from "./site.ts";
import { partsForReader } from "./wrap-parts.ts";

interface Flags {
  readonly gpus?: string;
  readonly engine?: "docker" | "podman";
  readonly json?: boolean;
}

/** `berth preflight`: whether a container of an image would start here. */
export function printPreflight(this: World, { gpus, engine, json }: Flags, name: string): void {
  const { root, config } = findSite(this);
  const architecture = goArchitecture();
  const image = readImage(name, { env: this.env, engine, architecture });
  const host = describeHost(root, hostOptions(config));
  const preflight = judgeImage({ image, host, config, gpus, architecture });
  if (json === true) this.print(`${JSON.stringify(preflightToJson(image, host, preflight), null, 2)}\n`);
  else this.print(partsForReader(formatPreflight(image, host, preflight)));
  noteWarnings(this, config.warnings);
  if (preflight.verdict !== "starts") Object.assign(this.process, { exitCode: 1 });
}

/** As images name this machine's architecture. */
function goArchitecture(): string {
  return process.arch === "x64" ? "amd64" : process.arch;
}
