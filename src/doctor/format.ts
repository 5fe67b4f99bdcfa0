import { BESIDE_COMMANDS, escapeControls, wrapText } from "../base/index.ts";
import type { Fault, Finding } from "./check.ts";
import type { Mending, Result } from "./result.ts";

/** How results are laid out. */
export interface Layout {
  readonly hasColours: boolean;
  /** Columns of the longest check id. */
  readonly idWidth: number;
}

/** What stands below a check. */
const BELOW = { first: 6, others: 8 };

const WORDS: Readonly<Record<Finding["kind"], string>> = { pass: "pass", warning: "warn", fail: "FAIL", skip: "skip" };
/** Select Graphic Rendition (ECMA-48): green, yellow, bold red, grey. */
const COLOURS: Readonly<Record<Finding["kind"], string>> = { pass: "32", warning: "33", fail: "1;31", skip: "90" };

/** One check: a line, and where something is wrong the cause and the remedy below it. */
export function formatResult({ check, finding, mending }: Result, layout: Layout): string {
  const said = finding.kind === "pass" ? finding.detail : finding.kind === "skip" ? finding.why : check.title;
  const head = `${paint(finding.kind, layout)}  ${check.id.padEnd(layout.idWidth)}  `;
  const column = WORDS[finding.kind].length + 2 + layout.idWidth + 2;
  const below = finding.kind === "warning" || finding.kind === "fail" ? formatFault(finding) : [];
  const lines = [
    ...wrapText(said, { first: column, others: column }),
    ...below,
    ...(mending === undefined ? [] : formatMending(mending, finding)),
  ];
  return `${head}${lines
    .map((line) => `${line}\n`)
    .join("")
    .slice(column)}`;
}

function paint(kind: Finding["kind"], { hasColours }: Layout): string {
  const word = WORDS[kind];
  return hasColours ? `\u001b[${COLOURS[kind]}m${word}\u001b[0m` : word;
}

function formatFault({ code, cause, more = [], remedy }: Fault): readonly string[] {
  return [
    ...wrapText(`${code}: ${cause}`, BELOW),
    ...more.flatMap((sentence) => wrapText(sentence, BELOW)),
    ...wrapText(`remedy: ${remedy.text}`, { ...BELOW, at: BESIDE_COMMANDS }),
  ];
}

function formatMending(mending: Mending, { kind }: Finding): readonly string[] {
  if (mending.kind === "refused") return wrapText(`not run: ${mending.why}`, BELOW);
  const failed = mending.commands.find(({ failure }) => failure !== undefined);
  if (failed !== undefined) return wrapText(`not mended: ${failed.argv.join(" ")}: ${failed.failure}`, BELOW);
  return wrapText(kind === "pass" ? "mended" : "not mended: it is as before", BELOW);
}

/** "17 checks: 14 passed, 1 failed, 2 skipped" and what to do next; `fix` is the command that mends. */
export function formatEnd(results: readonly Result[], fix = "berth doctor --fix"): string {
  const number = (kind: Finding["kind"]): number => results.filter(({ finding }) => finding.kind === kind).length;
  const parts = [
    `${number("pass")} passed`,
    ...(number("warning") > 0 ? [`${number("warning")} with a warning`] : []),
    ...(number("fail") > 0 ? [`${number("fail")} failed`] : []),
    ...(number("skip") > 0 ? [`${number("skip")} skipped`] : []),
  ];
  const mendable = results.filter(({ finding, mending }) => mending === undefined && hasCommands(finding)).length;
  const hint = mendable > 0 ? `; ${escapeControls(fix)} can mend ${mendable}` : "";
  return `${results.length} ${results.length === 1 ? "check" : "checks"}: ${parts.join(", ")}${hint}\n`;
}

function hasCommands(finding: Finding): boolean {
  return (finding.kind === "warning" || finding.kind === "fail") && (finding.remedy.commands ?? []).length > 0;
}

/** Plain fields only; what is not there is null. */
export function resultsToJson(results: readonly Result[]): unknown {
  return {
    isWell: results.every(({ finding }) => finding.kind !== "fail"),
    checks: results.map(({ check, finding, mending }) => ({
      id: check.id,
      title: check.title,
      result: finding.kind,
      detail: finding.kind === "pass" ? finding.detail : finding.kind === "skip" ? finding.why : null,
      ...faultToJson(finding),
      mending: mending === undefined ? null : mendingToJson(mending),
    })),
  };
}

function faultToJson(finding: Finding) {
  if (finding.kind === "pass" || finding.kind === "skip") return { code: null, cause: null, more: [], remedy: null };
  const { code, cause, more = [], remedy } = finding;
  const { text, commands = [], disturbs = null } = remedy;
  return { code, cause, more, remedy: { text, commands, disturbs } };
}

function mendingToJson(mending: Mending) {
  if (mending.kind === "refused") return { isRun: false, why: mending.why, commands: [] };
  const commands = mending.commands.map(({ argv, failure = null }) => ({ argv, failure }));
  return { isRun: true, why: null, commands };
}
