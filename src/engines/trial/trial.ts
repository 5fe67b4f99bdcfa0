import type { Probe } from "../../cuda/index.ts";
import type { ClientScene } from "../ask-client.ts";

/** Who can start a trial container; runc alone: without an engine, through the shim. */
export const TRIAL_ENGINES = ["docker", "podman", "containerd", "runc"] as const;
export type TrialEngine = (typeof TRIAL_ENGINES)[number];

/** By which way a container gets its GPUs. */
export type TrialWay =
  /** A runtime: of docker by its name in daemon.json, else the path of its program; and NVIDIA_VISIBLE_DEVICES. */
  | { readonly kind: "runtime"; readonly name: string }
  /** docker run --gpus */
  | { readonly kind: "gpus" }
  /** A qualified name, which the engine itself looks up. */
  | { readonly kind: "cdi"; readonly device: string };

export interface TrialOptions {
  readonly engine: TrialEngine;
  readonly how: TrialWay;
  /** "all", "0,1", "GPU-…": as NVIDIA_VISIBLE_DEVICES. Of no account for a CDI device. */
  readonly devices: string;
  /** One that the engine has; undefined: a root file system is made from this machine's C library. */
  readonly image?: string | undefined;
  /** This program, which runs inside. Absolute. */
  readonly executable: string;
  /** The root of the host: below it the trial's own files stand for as long as it lasts. */
  readonly root: string;
  /** Variables of whoever asks, and the milliseconds that each call of a client may take beside the trial itself. */
  readonly scene: ClientScene;
  /** Milliseconds for CUDA inside the container (30,000). */
  readonly deadlineMs?: number;
}

/** What came of a trial container. */
export type Trial =
  | {
      readonly kind: "ran";
      readonly probe: Probe;
      /** The image's own, or the machine's, brought along, as the image has none that berth can run with. */
      readonly libc: "own" | "brought";
      readonly warnings: readonly string[];
    }
  /** `why`: the engine's own words, not yet escaped. `warnings`: what could not be cleared up, a sentence each. */
  | { readonly kind: "not-started"; readonly why: string; readonly warnings: readonly string[] };
