import { BerthError, nearest } from "../base/index.ts";
import { shorten } from "./shorten.ts";

/** `vendor/class=name` in its three parts. */
export interface CdiName {
  /** "nvidia.com/gpu" */
  readonly kind: string;
  readonly name: string;
}

/** Kinds whose names are the host's own devices, whether a CDI file lists them or not. */
const OWN_KINDS = ["nvidia.com/gpu", "runtime.nvidia.com/gpu"];

/** `gpu3` and `mig0:1` of the strategy `type-index`. */
const TYPE_INDEX = /^(?:gpu(\d+)|mig(\d+:\d+))$/;
const QUALIFIED =
  /^([A-Za-z](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?\/[A-Za-z](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?)=([A-Za-z0-9](?:[A-Za-z0-9_.:-]*[A-Za-z0-9])?)$/;

/** A qualified CDI name (CDI specification 1.1.0, "Kind" and "Device Names"; one letter is enough), or undefined. */
export function parseCdiName(text: string): CdiName | undefined {
  const [, kind = "", name = ""] = QUALIFIED.exec(text) ?? [];
  return kind === "" ? undefined : { kind, name };
}

/** Whether devices of a kind are this host's own GPUs. */
export function isOwnKind(kind: string): boolean {
  return OWN_KINDS.includes(kind);
}

/**
 * The device id that a qualified name stands for: `nvidia.com/gpu=0` is GPU 0, and `gpu0` and `mig0:1` are the names of the strategy
 * `type-index`. Throws BERTH-R004 for a kind that is not this host's own.
 */
export function deviceIdOf({ kind, name }: CdiName): string {
  if (!isOwnKind(kind)) throw refuseKind(kind, name);
  return (
    TYPE_INDEX.exec(name)
      ?.slice(1)
      .find((id) => id !== undefined) ?? name
  );
}

function refuseKind(kind: string, name: string): BerthError {
  const near = nearest(kind, OWN_KINDS);
  const hint = near === undefined ? "" : `; did you mean "${near}=${name}"?`;
  return new BerthError({
    code: "BERTH-R004",
    message: `Cannot find the CDI device "${shorten(`${kind}=${name}`)}": only ${OWN_KINDS.join(" and ")} are served by this runtime${hint}`,
    remedy: `ask for a device as ${OWN_KINDS[0]}=NAME, or give this one to the engine itself (docker run --device, podman run --device)`,
  });
}
