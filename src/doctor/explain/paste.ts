/** What a user pasted, ready to be searched. */
export interface Paste {
  /** Without what terminals, logs and layers put in. Line breaks are kept. */
  readonly text: string;
  /** The same without white space: a terminal breaks lines in the middle of words. */
  readonly squeezed: string;
  /** Where each character of `squeezed` stands in `text`. */
  readonly places: Uint32Array;
}

/** More of a text is not looked at. */
export const MAX_TEXT = 1024 * 1024;

/** Every repetition has a limit, so that no text makes a search slow. The order counts. */
const CLEANING: readonly (readonly [RegExp, string | ((whole: string, part: string) => string)])[] = [
  // Colours and titles of a terminal, as bytes and as logs spell them.
  // oxlint-disable-next-line no-control-regex -- finding control characters is the point
  [/\u001b(?:\[[0-9;?]{0,32}[ -/]{0,4}[@-~]|\][^\u0007\u001b]{0,256}(?:\u0007|\u001b\\)|[@-Z\\-_])/g, ""],
  [/\\{1,32}(?:u001b|x1b|033|e)\[[0-9;]{0,16}m/gi, ""],
  // What each layer that quotes another escapes once more.
  [/\\{1,32}u00(2[267]|3[ce])/gi, (_, code) => String.fromCharCode(Number.parseInt(code, 16))],
  [/\\{1,32}(["'`])/g, "$1"],
  [/\\{1,32}n/g, "\n"],
  [/\\{1,32}[rt]/g, " "],
  [/&(gt|lt|quot|apos|amp|#34|#39);/gi, (_, name) => ENTITIES[name.toLowerCase()] ?? ""],
  [/[\u2018\u2019\u00b4`]/g, "'"],
  [/[\u201c\u201d]/g, '"'],
  // Quotations, the borders of boxes, and the names of services that compose puts before lines.
  [/^[ \t]{0,16}[>|\u2502]{1,4}/gm, ""],
  [/^[\w.-]{1,64}[ \t]{1,16}\|/gm, ""],
  [/[ \t]{0,16}\u2502$/gm, ""],
];

const ENTITIES: Readonly<Record<string, string>> = {
  gt: ">",
  lt: "<",
  quot: '"',
  apos: "'",
  amp: "&",
  "#34": '"',
  "#39": "'",
};

/** Reads a pasted text of any size and content. */
export function readPaste(pasted: string): Paste {
  const text = CLEANING.reduce(
    (before, [pattern, by]) => (typeof by === "string" ? before.replace(pattern, by) : before.replace(pattern, by)),
    pasted.slice(0, MAX_TEXT),
  );
  return { text, ...squeeze(text) };
}

/** White space, control characters, those that have no width, and a backslash that a line break has parted from what it escapes. */
// oxlint-disable-next-line no-control-regex -- finding control characters is the point
const NOTHING = /[\s\\\u0000-\u001f\u007f-\u009f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/;

function squeeze(text: string): Pick<Paste, "squeezed" | "places"> {
  const places = new Uint32Array(text.length);
  const kept: string[] = [];
  for (let at = 0; at < text.length; at += 1) {
    const character = text.charAt(at);
    if (NOTHING.test(character)) continue;
    places[kept.length] = at;
    kept.push(character);
  }
  return { squeezed: kept.join(""), places: places.subarray(0, kept.length) };
}

/** Where something was found, in `text` of a paste. */
export interface Spot {
  readonly start: number;
  readonly end: number;
  /** What the groups of the pattern took, to the first white space; "" for one that took nothing. */
  readonly words: readonly string[];
}

/** Looks for a pattern in which a blank stands for any white space, and for none. Letters of both cases are the same. */
export function findIn({ text, squeezed, places }: Paste, pattern: RegExp): Spot | undefined {
  const source = pattern.source.replaceAll(" ", "");
  const from = squeezed.search(new RegExp(source, "i"));
  const match = from === -1 ? null : new RegExp(source, "dgi").exec(squeezed.slice(from));
  if (match === null) return undefined;
  const placeOf = (at: number): number => places[from + at] ?? text.length;
  const endOf = (at: number): number => placeOf(Math.max(at, 1) - 1) + 1;
  const words = (match.indices ?? []).slice(1).map((range) => {
    const [word = ""] = range === undefined ? [] : text.slice(placeOf(range[0]), endOf(range[1])).split(/\s/);
    return word;
  });
  return { start: placeOf(0), end: endOf(match[0].length), words };
}
