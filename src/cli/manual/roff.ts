/** Text for man(7), so that nothing in it is a request or an escape. */
export function escapeRoff(text: string): string {
  const plain = text.replaceAll("\\", "\\e").replaceAll("-", "\\-").replaceAll("…", "...");
  const ascii = plain.replace(
    /[^\n -~]/gu,
    (c) => `\\[u${(c.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}]`,
  );
  // Long lists of choices may be broken.
  return ascii.replace(/^(?=[.'])/gm, "\\&").replaceAll("|", "|\\:");
}

export const bold = (text: string): string => `\\fB${escapeRoff(text)}\\fR`;

/** A heading, and the blocks below it. */
export function section(title: string, ...blocks: readonly string[]): string {
  return [`.SH "${title}"`, ...blocks].join("\n");
}

/** A paragraph of plain text. */
export function paragraph(text: string): string {
  return `.PP\n${escapeRoff(text)}`;
}

/** A term, and below it what it means. */
export function item(term: string, text: string): string {
  return `.TP\n${term}\n${escapeRoff(text)}`;
}

/** A whole page; blocks end without a line break. */
export function page(name: string, version: string, blocks: readonly string[]): string {
  const title = `.TH "${name.toUpperCase()}" 1 "" "berth ${version}" "berth"`;
  // Left-aligned and without hyphenation: paths and options stay whole.
  const text = [title, ".ad l", ".nh", ...blocks].join("\n");
  // A heading begins a paragraph by itself.
  return `${text.replace(/^(\.S[HS] .*\n)\.PP\n/gm, "$1")}\n`;
}
