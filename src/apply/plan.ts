import type { JsonObject } from "../base/index.ts";
import type { Owner } from "../linux/index.ts";

/** Everything that will be done for one container, as data. `carryOut` does it. */
export interface SpecPlan {
  readonly spec: JsonObject;
  /** In this order. */
  readonly rootfsWrites: readonly RootfsWrite[];
  /** Files of ours on the host that the container gets as bind mounts. */
  readonly stateWrites: readonly StateWrite[];
  readonly steps: readonly PlanStep[];
  /** What the container does without, and why: a sentence each. */
  readonly warnings: readonly string[];
}

export type RootfsWrite = FileWrite | LinkWrite | FolderWrite | Removal;

interface NewEntry {
  /** Links before the last component were followed. */
  readonly path: string;
  readonly owner: Owner;
  /** Folders above it that have to be made, outermost first. */
  readonly newFolders: readonly string[];
  /** Nothing is there yet. */
  readonly isNew: boolean;
}

export interface FileWrite extends NewEntry {
  readonly kind: "file";
  readonly bytes: Uint8Array;
  readonly mode: number;
}

export interface LinkWrite extends NewEntry {
  readonly kind: "link";
  readonly target: string;
}

/** An empty folder, for something to be mounted on. */
export interface FolderWrite extends NewEntry {
  readonly kind: "folder";
}

/** Of a file or link, or of a folder if it is empty then. */
export interface Removal {
  readonly kind: "remove" | "remove-folder";
  readonly path: string;
}

/** A file of ours, or a folder with nothing but links, which is never changed again: its name stands for its content. */
export type StateWrite =
  | { readonly kind: "file"; readonly path: string; readonly bytes: Uint8Array }
  | { readonly kind: "links"; readonly path: string; readonly links: readonly StateLink[] };

export interface StateLink {
  readonly name: string;
  readonly target: string;
}

/** One thing that a container gets, for the log and `berth inspect`. */
export interface PlanStep {
  readonly kind: "device" | "mount" | "link" | "cache" | "env" | "group" | "file" | "removed";
  readonly text: string;
  readonly reason: string;
}

/** `device /dev/nvidia0 (195:0): NVIDIA_VISIBLE_DEVICES=all`. */
export function formatStep(step: PlanStep): string {
  return `${step.kind} ${step.text}: ${step.reason}`;
}
