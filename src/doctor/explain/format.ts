import { escapeControls } from "../../base/index.ts";
import type { Explanation, KnownExplanation } from "./explain.ts";

/** An explanation for a terminal: a line for each part. */
export function formatExplanation(explanation: Explanation): string {
  const rows = explanation.kind === "known" ? knownRows(explanation) : unknownRows(explanation);
  return rows.map(([name, text]) => `${`${name}:`.padEnd(WIDTH)}${escapeControls(text)}\n`).join("");
}

const WIDTH = 9;
const NOT_LOOKED = "this machine was not looked at: its files say nothing of this";
type Row = readonly [name: string, text: string];

function knownRows({
  title,
  id,
  row,
  quote,
  layers,
  speaker,
  cause,
  here,
  remedy,
  page,
  others,
}: KnownExplanation): readonly Row[] {
  return [
    ["what", `${title} (${id})`],
    ["words", quote],
    ["from", [...layers.filter((name) => name !== speaker && !speaker.startsWith(`${name},`)), speaker].join(" > ")],
    ["cause", cause],
    // berth's own errors were found out where they happened.
    ...(row === undefined ? [] : [["here", here?.cause ?? NOT_LOOKED] as const]),
    ["remedy", remedy],
    ["more", page],
    ...(others.length > 0 ? [["also", others.join(", ")] as const] : []),
  ];
}

function unknownRows({ quote, layers }: Extract<Explanation, { kind: "unknown" }>): readonly Row[] {
  return [
    ["what", "not known"],
    ["words", quote === "" ? "(nothing)" : quote],
    ...(layers.length > 0 ? [["from", layers.join(" > ")] as const] : []),
    ["remedy", "berth doctor looks at the whole chain from the driver to the container"],
  ];
}
