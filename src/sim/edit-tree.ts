import type { TreeEntry } from "./tree.ts";

/** A tree without what lies at these paths, and below those that are folders. */
export function without(entries: readonly TreeEntry[], ...paths: readonly string[]): readonly TreeEntry[] {
  return entries.filter(({ path }) => !paths.some((gone) => path === gone || path.startsWith(`${gone}/`)));
}

/** A tree with these entries, in place of those of the same paths. */
export function withEntries(entries: readonly TreeEntry[], ...added: readonly TreeEntry[]): readonly TreeEntry[] {
  const paths = new Set(added.map(({ path }) => path));
  return [...entries.filter(({ path }) => !paths.has(path)), ...added];
}

/** A tree in which a text file was edited. Throws a RangeError where there is none, or where nothing changes. */
export function edited(
  entries: readonly TreeEntry[],
  path: string,
  edit: (text: string) => string,
): readonly TreeEntry[] {
  const file = entries.find((entry) => entry.path === path);
  if (file?.kind !== "file" || typeof file.content !== "string") throw new RangeError(`"${path}" is no text file`);
  const content = edit(file.content);
  if (content === file.content) throw new RangeError(`"${path}" stays as it is`);
  return withEntries(entries, { ...file, content });
}

/** A tree in which the libraries at fitting paths do not have some functions any more: their names become others of the same length. */
export function withoutSymbols(
  entries: readonly TreeEntry[],
  paths: RegExp,
  names: readonly string[],
): readonly TreeEntry[] {
  return entries.map((entry) => {
    if (entry.kind !== "file" || typeof entry.content === "string" || !paths.test(entry.path)) return entry;
    const content = names.reduce(hide, Buffer.from(entry.content).toString("latin1"));
    return { ...entry, content: Buffer.from(content, "latin1") };
  });
}

function hide(text: string, name: string): string {
  return text.replaceAll(`\0${name}\0`, `\0${"x".repeat(name.length)}\0`);
}
