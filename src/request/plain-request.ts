import { NO_CDI_FILES } from "./cdi-name.ts";
import { readRequest } from "./read-request.ts";
import type { Request } from "./request.ts";
import type { RequestSettings } from "./settings.ts";

/** No variable but the usual ones, and no name but plain ids. */
const SETTINGS: RequestSettings = {
  swarmResources: [],
  annotationPrefixes: [],
  acceptVolumeMounts: false,
  acceptEnvWhenUnprivileged: true,
  defaultKind: undefined,
};

/**
 * The request of whoever may do all of it by itself, such as root at a command line, in the variables that a container would have: `NAME=value`. Throws what
 * `readRequest` throws.
 */
export function readPlainRequest(env: readonly string[]): Request {
  return readRequest({
    env,
    boundingCapabilities: ["CAP_SYS_ADMIN"],
    annotations: new Map(),
    mounts: [],
    cdiFiles: NO_CDI_FILES,
    settings: SETTINGS,
  });
}
