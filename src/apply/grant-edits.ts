import { BerthError, type Problem } from "../base/index.ts";
import type { Config } from "../config/index.ts";
import { spellOut, type Edits } from "../edits/index.ts";
import { decide, type Grant, type Policy } from "../grant/index.ts";
import type { Host } from "../host/index.ts";
import type { Root } from "../linux/index.ts";
import { COMPAT_FOLDER, ORIN_COMPAT_FOLDER, readCompatLibraries, type Request } from "../request/index.ts";
import type { ContainerView } from "./container-view.ts";

/** Whose wish is decided on. */
export interface GrantScene {
  readonly config: Config;
  readonly policy: Policy;
  readonly host: Host;
  /** The container's layer. */
  readonly rootfs: Root;
  /** Called only where it matters what the container's mounts hide. */
  readonly view: () => ContainerView;
}

export type Granted =
  | { readonly kind: "granted"; readonly grant: Grant; readonly edits: Edits }
  | { readonly kind: "refused"; readonly problem: Problem };

/** Decides on a request and spells out what was granted; the image's own CUDA libraries are looked at before. */
export function grantEdits(request: Request, scene: GrantScene): Granted {
  const { policy, host } = scene;
  const decision = decide({ ...request, ...findCompat(request, scene) }, host, policy);
  return decision.kind === "refused" ? decision : { ...decision, edits: spellOut(decision.grant, host) };
}

/**
 * The image's own CUDA libraries, where they could be used at all; not those that one of the container's mounts hides. An image whose folder cannot be read has none,
 * and that is a warning.
 */
function findCompat(request: Request, { config, host, rootfs, view }: GrantScene): Partial<Request> {
  const { capabilities } = request;
  const wantsCuda = capabilities === undefined || capabilities === "all" || capabilities.includes("compute");
  if (!config.useForwardCompatibility || !wantsCuda) return {};
  const folder = compatFolder(config, host);
  try {
    const compat = readCompatLibraries(rootfs, folder);
    if (compat === undefined) return {};
    return view().folder(folder).cover === undefined ? { compat } : {};
  } catch (error) {
    if (!(error instanceof BerthError)) throw error;
    return { warnings: [...request.warnings, `the image's "${folder}" is not used: ${error.message}`] };
  }
}

/** Images for Jetson keep theirs where an administrator says; those for Orin have a folder of their own. */
export function compatFolder({ modes }: Pick<Config, "modes">, { unit }: Host): string {
  if (unit?.kind !== "csv") return COMPAT_FOLDER;
  return modes.csvCompatContainerRoot || (unit.model.includes("Orin") ? ORIN_COMPAT_FOLDER : COMPAT_FOLDER);
}
