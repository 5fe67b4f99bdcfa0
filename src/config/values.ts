import { nearest, quoteAll, splitList } from "../base/index.ts";
import { badValue, readChoice, readText, readTexts, type ConfigFile } from "./file.ts";
import { DEFAULTS, type KeyOf } from "./keys.ts";
import { CAPABILITIES, MODES, type Mode } from "./names.ts";

/** A vendor or a class of CDI (CDI specification 1.1.0, "Kind"); one letter is enough, as from release 1.1.1 on. */
const CDI_WORD = "[A-Za-z](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?";

/** `berth.root`. Throws C002, as all readers here do. */
export function readRoot(file: ConfigFile): string {
  const root = readText(file, "berth.root");
  // Here and below: the first use of a regular expression costs more than all the rest of a check.
  if (root === DEFAULTS["berth.root"]) return root;
  if (!root.startsWith("/") || root.split("/").includes(".."))
    throw badValue(file, "berth.root", { wanted: `an absolute path without ".."` });
  return root.replace(/\/+$/, "") || "/";
}

export function readMode(file: ConfigFile): Mode {
  const key = "nvidia-container-runtime.mode";
  if (readText(file, key) !== "") return readChoice(file, key, MODES);
  throw badValue(file, key, { wanted: `one of ${quoteAll(MODES)}`, because: "a mode must be specified" });
}

/** An absolute path; the empty text only where it is the default, or one of `others`. */
export function readAbsolute(file: ConfigFile, key: KeyOf<string>, others: readonly string[] = []): string {
  const path = readText(file, key);
  const also = [DEFAULTS[key], ...others];
  if (path.startsWith("/") || also.includes(path)) return path;
  throw badValue(file, key, { wanted: also.includes("") ? `an absolute path or ""` : "an absolute path" });
}

export function readAbsolutes(file: ConfigFile, key: KeyOf<readonly string[]>): readonly string[] {
  return readEach(file, key, { wanted: "a list of absolute paths", isGood: (item) => item.startsWith("/") });
}

export function readPrefixes(file: ConfigFile, key: KeyOf<readonly string[]>): readonly string[] {
  return readEach(file, key, { wanted: "a list of texts that are not empty", isGood: (item) => item !== "" });
}

/** `vendor/class` */
export function readKind(file: ConfigFile, key: KeyOf<string>): string {
  const kind = readText(file, key);
  if (kind === DEFAULTS[key] || new RegExp(`^${CDI_WORD}/${CDI_WORD}$`).test(kind)) return kind;
  throw badValue(file, key, { wanted: `a CDI kind, a vendor and a class (as "nvidia.com/gpu")` });
}

/** Names of variables in a comma list. */
export function readVariables(file: ConfigFile, key: KeyOf<string>): readonly string[] {
  const names = splitList(readText(file, key));
  const wrong = names.find((name) => /[\s=]/.test(name));
  if (wrong === undefined) return names;
  const wanted = `a comma list of names of variables, without blanks and "=" in them`;
  throw badValue(file, key, { wanted, item: { text: JSON.stringify(wrong) } });
}

/** Known names only; "all" is every one. */
export function readCapabilities(file: ConfigFile, key: KeyOf<string>): readonly string[] {
  const names = splitList(readText(file, key));
  const known = [...CAPABILITIES, "all"];
  const wrong = names.find((name) => !known.includes(name));
  if (wrong === undefined) return names.includes("all") ? CAPABILITIES : [...new Set(names)];
  const wanted = `a comma list of ${CAPABILITIES.join(", ")}, or "all"`;
  throw badValue(file, key, { wanted, item: { text: JSON.stringify(wrong) }, near: nearest(wrong, known) });
}

interface Rule {
  readonly wanted: string;
  readonly isGood: (item: string) => boolean;
}

function readEach(file: ConfigFile, key: KeyOf<readonly string[]>, { wanted, isGood }: Rule): readonly string[] {
  const items = readTexts(file, key);
  const index = items.findIndex((item) => !isGood(item));
  if (index === -1) return items;
  throw badValue(file, key, { wanted, item: { text: JSON.stringify(items[index]), index } });
}
