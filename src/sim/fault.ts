import type { Site } from "./site.ts";
import type { SimProfile } from "./profile.ts";
import type { TreeEntry } from "./tree.ts";

/** What a fault is made from. */
export interface FaultScene {
  /** The machine without its fault. */
  readonly profile: SimProfile;
  readonly site: Site;
  /** The whole tree of another machine at this place. */
  readonly planOf: (profile: SimProfile) => readonly TreeEntry[];
}

/** One thing that is wrong with a machine, which one check of `berth doctor` names and no other. */
export interface SimFault {
  /** "broken-driver-module": after the check. */
  readonly name: string;
  /** What is wrong, in a few words. */
  readonly summary: string;
  /** The profile that is broken. */
  readonly base: string;
  readonly apply: (tree: readonly TreeEntry[], scene: FaultScene) => readonly TreeEntry[];
}
