import type { Config } from "../config/index.ts";
import type { SceneOptions } from "./scene.ts";

/** What a configuration says of where the host's files are, and of which kind it is. */
export function hostOptions({
  driverRoot,
  mode,
  modes,
}: Config): Required<Pick<SceneOptions, "driverRoot" | "platform" | "csvFolder">> {
  return { driverRoot, platform: mode === "csv" ? "csv" : "auto", csvFolder: modes.csvMountSpecPath };
}
