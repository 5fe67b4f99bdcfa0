import type { CdiSpec } from "../../cdi/index.ts";
import { titleOf, type CdiCheck, type CdiFinding, type CheckedSpec } from "../../doctor/index.ts";
import type { EngineCdi } from "../../engines/index.ts";
import { formatFinding } from "./finding.ts";

/** After an upgrade every library of a file is dead. */
const MOST_DEAD_LINES = 5;

/** For a reader: the engines, then each file with what is wrong in it, a line each. */
export function formatCheck({ isGood, engines, folders, files, findings }: CdiCheck): string {
  const bad = files.filter((file) => file.findings.some(({ severity }) => severity === "error")).length;
  const end = isGood
    ? "All is well"
    : bad === 0
      ? "Not all is well"
      : `${bad} of ${files.length} files ${bad === 1 ? "is" : "are"} not well`;
  return [
    ...engines.map(formatEngine),
    ...(engines.length === 0 ? ["No engine was found that reads CDI files\n"] : []),
    ...(files.length === 0 ? [`No CDI file is in ${folders.join(", ")}\n`] : []),
    ...files.flatMap(formatFile),
    ...findings.map((finding) => formatFinding("berth", finding)),
    `${end}\n`,
  ].join("");
}

function formatEngine({ name, version, cdi, newest, specDirs }: EngineCdi): string {
  const reads = newest === undefined ? "" : `, reads up to ${newest.version}${newest.isAtLeast ? " or newer" : ""}`;
  const state = cdi.kind === "unknown" ? "CDI not known" : `CDI ${cdi.kind}`;
  const why = cdi.kind === "on" ? "" : `  ${cdi.why}${cdi.kind === "off" ? `; remedy: ${cdi.remedy}` : ""}\n`;
  return `${titleOf({ name, version })}: ${state}${reads}, looks into ${specDirs.join(", ") || "no folder"}\n${why}`;
}

function formatFile({ path, spec, readBy, findings }: CheckedSpec): readonly string[] {
  const by = readBy.length === 0 ? "read by no engine" : `read by ${readBy.join(", ")}`;
  const dead = findings.filter(isDeadLine);
  const shown = dead.length > MOST_DEAD_LINES ? dead.slice(0, MOST_DEAD_LINES - 1) : dead;
  const left = dead.length - shown.length;
  return [
    ...(spec === undefined ? [] : [`${path}: CDI ${spec.cdiVersion}, ${spec.kind}, ${countNames(spec)}; ${by}\n`]),
    ...[...findings.filter((finding) => !isDeadLine(finding)), ...shown].map((finding) => formatFinding(path, finding)),
    ...(left === 0 ? [] : [`${path}: error: ${left} more of its paths are dead (--json lists them)\n`]),
  ];
}

function countNames({ devices }: CdiSpec): string {
  return devices.length === 1 ? "1 name" : `${devices.length} names`;
}

function isDeadLine({ isDeadPath }: CdiFinding): boolean {
  return isDeadPath === true;
}

/** Plain fields only; what is not known is null. */
export function toJson({ isGood, engines, folders, files, findings }: CdiCheck): unknown {
  return {
    isGood,
    engines: engines.map(({ name, program, version = null, cdi, newest, specDirs, doubts }) => ({
      name,
      program,
      version,
      cdi: cdi.kind,
      why: cdi.kind === "on" ? null : cdi.why,
      newestVersion: newest?.version ?? null,
      isAtLeast: newest?.isAtLeast ?? null,
      specDirs,
      doubts,
    })),
    folders,
    files: files.map(({ path, spec, isOwn, readBy, findings: each }) => ({
      path,
      cdiVersion: spec?.cdiVersion ?? null,
      kind: spec?.kind ?? null,
      devices: spec?.devices.map(({ name }) => name) ?? null,
      isOwn,
      readBy,
      findings: each.map(plain),
    })),
    findings: findings.map(plain),
  };
}

function plain({ severity, code, line, moreLines = [], message, remedy }: CdiFinding) {
  return { severity, code: code ?? null, line: line ?? null, moreLines, message, remedy: remedy ?? null };
}
