import type { Config } from "../config/index.ts";
import type { Bundle } from "../oci/index.ts";
import type { Recorded } from "../request/index.ts";
import type { findRecorded } from "./docker-folder.ts";

/** What Docker keeps of a container in place of the variable. Without an administrator's switch nothing of Docker's is looked at. */
export function readRecorded(bundle: Bundle, containerId: string, config: Config): Recorded | undefined {
  if (!config.leases.readsDockerLabels && !config.leases.choosesByCount) return undefined;
  const folder: { readonly findRecorded: typeof findRecorded } = require("./docker-folder.ts");
  return folder.findRecorded(bundle, containerId, config);
}
