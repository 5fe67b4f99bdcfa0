import { BerthError, type JsonObject } from "../base/index.ts";
import type { Config } from "../config/index.ts";
import { annotationsOf, boundingCapabilities, mountsOf, processEnv, type Bundle } from "../oci/index.ts";
import { readRequest, requestSettings, type CdiFiles, type Recorded, type Request } from "../request/index.ts";
import { lazyFiles } from "./cdi-source.ts";
import { GRANT_ANNOTATION } from "./edit-spec.ts";

/** What a container that exists asks for. */
export type Wish =
  /** `ignored`: what it asked for and is not allowed to ask for, a sentence each. */
  | { readonly kind: "nothing"; readonly reason: string; readonly ignored: readonly string[] }
  | { readonly kind: "wish"; readonly request: Request };

/** What an engine keeps of a container, or has put into its spec. */
interface Kept {
  readonly recorded?: Recorded | undefined;
  readonly engaged?: Recorded | undefined;
}

/** Whether the runtime has edited this spec: what it granted is written there, and a hook has nothing left to do. */
export function isAlreadyGranted(spec: JsonObject): boolean {
  return annotationsOf(spec).has(GRANT_ANNOTATION);
}

/**
 * What a bundle asks for, for a sink that changes the container itself. Throws BERTH-R004 for devices of CDI files: what a file may say (hooks, say) can only be done before the container
 * exists.
 */
export function wishOf({ spec }: Bundle, config: Config, { recorded, engaged }: Kept = {}): Wish {
  const request = readWish(spec, config, { cdiFiles: lazyFiles(config), recorded, engaged });
  const [name] = request.cdiDevices;
  if (name !== undefined) throw needsRuntime(name);
  if (request.wants !== "nothing") return { kind: "wish", request };
  return { kind: "nothing", reason: request.devicesOrigin.text, ignored: request.ignored };
}

/** What a request is read from beside the spec: `cdiFiles` resolve its qualified names. */
interface Beside {
  readonly cdiFiles: CdiFiles;
  readonly recorded: Recorded | undefined;
  readonly engaged?: Recorded | undefined;
}

/** What a spec asks for. Throws what `readRequest` throws. */
export function readWish(spec: JsonObject, config: Config, beside: Beside): Request {
  return readRequest({
    env: processEnv(spec),
    boundingCapabilities: boundingCapabilities(spec),
    annotations: annotationsOf(spec),
    mounts: mountsOf(spec),
    settings: requestSettings(config),
    ...beside,
  });
}

function needsRuntime(name: string): BerthError {
  return new BerthError({
    code: "BERTH-R004",
    message: `Cannot give the CDI device "${name}" to a container that exists: what a CDI file says is done before`,
    remedy: "use the runtime (docker run --runtime=nvidia), or the engine's own --device",
  });
}
