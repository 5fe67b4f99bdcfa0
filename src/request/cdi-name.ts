import { parseQualifiedName, type QualifiedName } from "../cdi/index.ts";
import { isWish } from "./wish.ts";

/** `vendor/class=name` in two parts. */
export type CdiName = QualifiedName;
export { parseQualifiedName as parseCdiName };

/** Kinds whose names are the host's own devices, whether a CDI file lists them or not. */
export const OWN_KINDS: readonly string[] = ["nvidia.com/gpu", "runtime.nvidia.com/gpu"];

/** `gpu3` and `mig0:1` of the strategy `type-index`. */
const TYPE_INDEX = /^(?:gpu(\d+)|mig(\d+:\d+))$/;
/** Whether devices of a kind are this host's own GPUs. */
export function isOwnKind(kind: string): boolean {
  return OWN_KINDS.includes(kind);
}

/** What the CDI files of the machine say of a name; asked only where there are qualified names. */
export interface CdiFiles {
  /** Whether a file names devices of this kind. */
  readonly hasKind: (kind: string) => boolean;
  /** Whether a file has this device, and whose the file is: `own` is one that berth made of this host. */
  readonly find: (name: CdiName) => "own" | "other" | undefined;
}

/** No files. */
export const NO_CDI_FILES: CdiFiles = { hasKind: () => false, find: () => undefined };

/** Served without files, whatever they say. */
const AUTOMATIC_KIND = "runtime.nvidia.com/gpu";

/**
 * Whether a name is for the CDI files to resolve: every kind that is not this host's own; of its own what somebody else's file defines, and everything of a kind that has
 * files where names are CDI names (`isStrict`, the mode `cdi`). A single GPU of berth's own file is served without it, and is never out of date.
 */
export function isForFiles(name: CdiName, files: CdiFiles, isStrict: boolean): boolean {
  if (name.kind === AUTOMATIC_KIND) return false;
  if (!isOwnKind(name.kind)) return true;
  const found = files.find(name);
  if (found === "own") return name.name === "all";
  // A wish is for the lease store, whatever file lists it by name.
  return found === "other" || (isStrict && !isWish(name.name) && files.hasKind(name.kind));
}

/** The device id that a qualified name of an own kind stands for: `nvidia.com/gpu=0` is GPU 0, and `gpu0` and `mig0:1` are names of the strategy `type-index`. */
export function deviceIdOf({ name }: CdiName): string {
  return (
    TYPE_INDEX.exec(name)
      ?.slice(1)
      .find((id) => id !== undefined) ?? name
  );
}

/** `vendor/class=name` again. */
export function formatCdiName({ kind, name }: CdiName): string {
  return `${kind}=${name}`;
}
