import type { ErrorCode } from "../base/index.ts";
import type { Scene } from "./scene.ts";

/** One question about a machine, and how it is answered. */
export interface Check {
  /** "driver-module" */
  readonly id: string;
  /** What is so where all is well: "the driver's kernel module is loaded". At most 54 columns. */
  readonly title: string;
  /** Checks that must not have failed, else this one is not looked at: so one fault is named once. */
  readonly needs?: readonly string[];
  readonly run: (scene: Scene) => Finding | Promise<Finding>;
}

/** The answer. */
export type Finding =
  | { readonly kind: "pass"; readonly detail: string }
  /** There is nothing to be looked at, or no way to. */
  | { readonly kind: "skip"; readonly why: string }
  | Fault;

export interface Fault {
  /** "fail": GPU containers do not start, or not right. "warning": they will be slow, or fail later, or only some do. */
  readonly kind: "warning" | "fail";
  readonly code: ErrorCode;
  /** One sentence with the file, device or version quoted. */
  readonly cause: string;
  readonly remedy: Remedy;
  /** Further sentences. */
  readonly more?: readonly string[];
}

export interface Remedy {
  /** One command, or one thing to change. */
  readonly text: string;
  /** What `--fix` may run, after showing it; "berth" as the first word is this program. None: a person has to do it. */
  readonly commands?: readonly (readonly string[])[];
  /** What the commands disturb, as "the 3 containers of docker are stopped": asked about first. */
  readonly disturbs?: string;
}

/** All is well; `detail` says what was found. */
export function pass(detail: string): Finding {
  return { kind: "pass", detail };
}

/** Nothing was looked at, and why. */
export function skip(why: string): Finding {
  return { kind: "skip", why };
}

/** What a fault is made of beside its kind. */
export type FaultParts = Omit<Fault, "kind" | "remedy"> & { readonly remedy: string | Remedy };

/** A fault by which GPU containers do not start, or not right. */
export function fail(parts: FaultParts): Fault {
  return { ...parts, kind: "fail", remedy: asRemedy(parts.remedy) };
}

/** A fault by which they are slow, or fail later, or only some of them. */
export function warn(parts: FaultParts): Fault {
  return { ...parts, kind: "warning", remedy: asRemedy(parts.remedy) };
}

function asRemedy(remedy: string | Remedy): Remedy {
  return typeof remedy === "string" ? { text: remedy } : remedy;
}

/** A command that acts on this machine, and so is run only where this machine is looked at. */
export function hereOnly({ isHere }: Pick<Scene, "isHere">, command: readonly string[], more = ""): Remedy {
  return { text: command.join(" ") + more, ...(isHere ? { commands: [command] } : {}) };
}

/** A command of berth's own, which acts on the host that is looked at. */
export function ownCommand({ berth }: Pick<Scene, "berth">, ...words: readonly string[]): Remedy {
  const command = berth(...words);
  return { text: command.join(" "), commands: [command] };
}
