import { isJsonArray, isJsonObject, withField, type JsonObject, type JsonValue } from "../base/index.ts";
import type { Edits } from "../edits/index.ts";
import { listAt, objectAt } from "../oci/index.ts";
import { CHOOSING_HOOK, type Recorded } from "../request/index.ts";

/** Where a CDI device that leaves open which GPU has its hook, and the word before the wish. */
export const STAGE = "createRuntime";
export const WISH = "--wish";

/** What such hooks of a spec wish for, and the spec without them; undefined: it has none. */
export function takeChoosingHooks(
  spec: JsonObject,
): { readonly asked: Recorded; readonly spec: JsonObject } | undefined {
  const hooks = objectAt(spec, "", "hooks");
  const all = listAt(hooks, "/hooks", STAGE) ?? [];
  const wishes = all.flatMap((hook) => wishOfHook(hook) ?? []);
  if (hooks === undefined || wishes.length === 0) return undefined;
  const list = wishes.join();
  const rest = all.filter((hook) => wishOfHook(hook) === undefined);
  return {
    asked: { list, text: `the CDI device ${list}` },
    spec: withField(spec, "hooks", withField(hooks, STAGE, rest)),
  };
}

function wishOfHook(hook: JsonValue): string | undefined {
  if (isJsonArray(hook) || !isJsonObject(hook)) return undefined;
  const args = listAt(hook, `/hooks/${STAGE}`, "args") ?? [];
  const wish = args[args.indexOf(WISH) + 1];
  return args[1] === CHOOSING_HOOK && typeof wish === "string" ? wish : undefined;
}

/** What a chosen GPU brings along itself: all else comes from what the CDI file gives with every device. */
export function onlyNodes(edits: Edits): Edits {
  return { ...edits, mounts: [], links: [], loaderEntries: [], files: [] };
}
