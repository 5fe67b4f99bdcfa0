import { Root } from "../../linux/index.ts";
import { unifiedDiff } from "../../text/index.ts";
import { escapeControls } from "../../base/index.ts";
import { configReader } from "../config-reader.ts";
import { planEngine } from "../plan-engine.ts";
import type { Added, EnginePlan, EngineWish } from "../wish.ts";
import type { SetupTarget } from "./setup-site.ts";

/** One file as it is and as it is to be. */
export interface PlannedChange {
  /** Below the target's `fileRoot`. */
  readonly path: string;
  readonly before: string | undefined;
  readonly after: string;
  readonly added: Added;
  /** As in `FileEdit`. */
  readonly isForeign: boolean;
}

/** What a setup of one engine would do. */
export interface PlannedSetup extends Pick<EnginePlan, "notes" | "activation"> {
  readonly target: SetupTarget;
  readonly wish: EngineWish;
  /** The files that say it, below the target's `fileRoot`, whether or not they change. */
  readonly files: readonly string[];
  /** None: everything is there. */
  readonly changes: readonly PlannedChange[];
}

/** Reads an engine's files and says what a wish makes of them. Changes nothing. Throws what `planEngine` throws. */
export function planSetup(target: SetupTarget, wish: EngineWish): PlannedSetup {
  using root = Root.open(target.fileRoot);
  const reader = configReader(root);
  const { edits, notes, activation } = planEngine(target.engine, reader, wish, target.facts);
  const changes = edits.flatMap(({ path, change, isForeign = false }) => {
    const before = reader.read(path);
    const { text, added } = change(before);
    return text === before ? [] : [{ path, before, after: text, added, isForeign }];
  });
  return { target, wish, files: edits.map(({ path }) => path), changes, notes, activation };
}

/** The change of a file for people. */
export function diffOf({
  path,
  before,
  after,
}: {
  readonly path: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
}): string {
  return unifiedDiff(path, { before, after }, escapeControls);
}
