import { readFileSync } from "node:fs";
import { isOwnSpec, usualCdiFile } from "../../apply/index.ts";
import { realPath, type Problem } from "../../base/index.ts";
import {
  findLines,
  foldersUnder,
  readRegistry,
  type CdiSpec,
  type Conflict,
  type RegistryFile,
} from "../../cdi/index.ts";
import { cdiSupport, type EngineCdi } from "../../engines/index.ts";
import { isSimulated } from "../../host/index.ts";
import { userFolderOf } from "../user-folder.ts";
import { checkKind, findReaders } from "./check-engines.ts";
import { checkFresh } from "./check-fresh.ts";
import { checkLines } from "./check-lines.ts";
import type { CdiFinding } from "./finding.ts";
import type { CdiPlace } from "./place.ts";

/** What a check of a machine's CDI files found. */
export interface CdiCheck {
  /** Whether there is no error. */
  readonly isGood: boolean;
  readonly engines: readonly EngineCdi[];
  readonly folders: readonly string[];
  readonly files: readonly CheckedSpec[];
  /** About no single file. */
  readonly findings: readonly CdiFinding[];
}

export interface CheckedSpec {
  readonly path: string;
  /** Undefined: it cannot be read. */
  readonly spec: CdiSpec | undefined;
  /** Whether berth made it. */
  readonly isOwn: boolean;
  readonly readBy: readonly string[];
  readonly findings: readonly CdiFinding[];
}

/** What of the CDI files of a machine does not hold, line by line, and which engines can read them. */
export async function checkCdi(place: CdiPlace): Promise<CdiCheck> {
  const { root, config, env } = place;
  const engines = cdiSupport({ root, userFolder: userFolderOf(env), home: env("HOME") });
  const own = foldersUnder(root, config.modes.cdiSpecDirs);
  const folders = unlike([...own, ...engines.flatMap(({ specDirs }) => specDirs)]);
  const { files, conflicts, problems } = readRegistry(folders);
  const checked: CheckedSpec[] = [];
  for (const file of files) checked.push(await checkFile(file, { place, engines, conflicts }));
  const ofFiles = new Set([
    ...files.flatMap((file) => ("problem" in file ? [file.problem] : [])),
    ...conflicts.map(({ problem }) => problem),
  ]);
  const others = problems
    .filter((problem) => !ofFiles.has(problem))
    .map((problem): CdiFinding => ({ severity: "error", ...problem }));
  const doubts = engines
    .flatMap(({ doubts: each }) => each)
    .map((message): CdiFinding => ({ severity: "warning", message }));
  const isGood = [...checked.flatMap(({ findings }) => findings), ...others].every(
    ({ severity }) => severity !== "error",
  );
  return { isGood, engines, folders, files: checked, findings: [...others, ...doubts] };
}

/** Each folder once, whatever links lead to it. */
function unlike(folders: readonly string[]): readonly string[] {
  return [...new Map(folders.toReversed().map((folder) => [realPath(folder), folder])).values()].toReversed();
}

interface Context {
  readonly place: CdiPlace;
  readonly engines: readonly EngineCdi[];
  readonly conflicts: readonly Conflict[];
}

async function checkFile(file: RegistryFile, { place, engines, conflicts }: Context): Promise<CheckedSpec> {
  const { path } = file;
  if ("problem" in file)
    return { path, spec: undefined, isOwn: false, readBy: [], findings: [asCdiFinding(file.problem, path)] };
  const { spec } = file;
  const text = readFileSync(path, "utf8");
  const isOwn = isOwnSpec(spec);
  const remedy = isOwn
    ? `berth ${refreshWords(place.root, path).join(" ")}`
    : `make it anew with the program that wrote it, or: rm ${path}`;
  const hasStandIns = isSimulated(place.root);
  const checked = { path, text, spec, remedy, hasStandIns };
  const readers = findReaders(path, { text, version: spec.cdiVersion }, engines);
  const double = conflicts.filter(({ files }) => files.includes(path));
  const findings = [
    ...(isOwn ? await checkFresh(place, checked) : []),
    ...checkLines(checked),
    ...double.map(({ name, files, problem }): CdiFinding => {
      const others = files.filter((each) => each !== path).map((each) => `"${each}"`);
      const device = name.slice(name.indexOf("=") + 1);
      const message = `"${name}" is also in ${others.join(" and ")}, so that no engine can tell which is meant`;
      return {
        severity: "error",
        code: problem.code,
        line: findLines(text, device)[0],
        message,
        remedy: problem.remedy,
      };
    }),
    ...checkKind(path, { text, kind: spec.kind }, engines),
    ...readers.findings,
  ];
  return { path, spec, isOwn, readBy: readers.readBy, findings };
}

/** What to say to berth that makes a file of its own anew. */
export function refreshWords(root: string, path: string): readonly string[] {
  const isUsual = realPath(usualCdiFile(root)) === realPath(path);
  return [...(root === "/" ? [] : ["--root", root]), "cdi", "refresh", ...(isUsual ? [] : ["--output", path])];
}

/** The message without the file's name and place, which stand before it. */
function asCdiFinding({ code, message, remedy }: Problem, path: string): CdiFinding {
  const quoted = `"${path}"`;
  const at = message.indexOf(quoted);
  const [place = "", line] = at < 0 ? [] : (/^:(\d+)(?::\d+)?/.exec(message.slice(at + quoted.length)) ?? []);
  const short = at < 0 ? message : message.slice(0, at).trimEnd() + message.slice(at + quoted.length + place.length);
  return { severity: "error", code, message: short, remedy, ...(line === undefined ? {} : { line: Number(line) }) };
}
