import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isOwnSpec } from "../../apply/index.ts";
import type { Problem } from "../../base/index.ts";
import { readRegistry, type Conflict, type RegistryFile, findLines } from "../../cdi/index.ts";
import { cdiSupport, type EngineCdi } from "../../engines/index.ts";
import { isSimulated } from "../../host/index.ts";
import { effectiveUid } from "../../linux/index.ts";
import type { World } from "../context.ts";
import { findSite, type Site } from "../site.ts";
import { checkKind, findReaders, realPath } from "./check-engines.ts";
import { checkFresh } from "./check-fresh.ts";
import { checkLines } from "./check-lines.ts";
import type { Finding } from "./finding.ts";
import { formatCheck, toJson, type Check, type CheckedSpec } from "./format-check.ts";
import { outputOf } from "./refresh-once.ts";
import { specFolders } from "./spec-folders.ts";

interface Flags {
  readonly json?: boolean;
}

/** `berth cdi check`: what of the CDI files of a machine does not hold, line by line, and which engines can read them. */
export async function check(this: World, { json }: Flags): Promise<void> {
  const site = findSite(this);
  const result = await checkHost(this, site);
  this.print(json === true ? `${JSON.stringify(toJson(result), null, 2)}\n` : formatCheck(result));
  // What is wrong has been said: no error is left to be printed.
  if (!result.isGood) Object.assign(this.process, { exitCode: 1 });
}

async function checkHost(world: World, site: Site): Promise<Check> {
  const engines = cdiSupport({ root: site.root, userFolder: userFolderOf(world), home: world.env("HOME") });
  const folders = unlike([...specFolders(world, []), ...engines.flatMap(({ specDirs }) => specDirs)]);
  const { files, conflicts, problems } = readRegistry(folders);
  const checked: CheckedSpec[] = [];
  for (const file of files) checked.push(await checkFile(file, { world, site, engines, conflicts }));
  const ofFiles = new Set([
    ...files.flatMap((file) => ("problem" in file ? [file.problem] : [])),
    ...conflicts.map(({ problem }) => problem),
  ]);
  const others = problems
    .filter((problem) => !ofFiles.has(problem))
    .map((problem): Finding => ({ severity: "error", ...problem }));
  const doubts = engines
    .flatMap(({ doubts: each }) => each)
    .map((message): Finding => ({ severity: "warning", message }));
  const isGood = [...checked.flatMap(({ findings }) => findings), ...others].every(
    ({ severity }) => severity !== "error",
  );
  return { isGood, engines, folders, files: checked, findings: [...others, ...doubts] };
}

/** Root's engines have no user's configuration. */
function userFolderOf({ env }: World): string | undefined {
  if (effectiveUid() === 0) return undefined;
  const home = env("HOME");
  return env("XDG_CONFIG_HOME") ?? (home === undefined ? undefined : join(home, ".config"));
}

/** Each folder once, whatever links lead to it. */
function unlike(folders: readonly string[]): readonly string[] {
  return [...new Map(folders.toReversed().map((folder) => [realPath(folder), folder])).values()].toReversed();
}

interface Context {
  readonly world: World;
  readonly site: Site;
  readonly engines: readonly EngineCdi[];
  readonly conflicts: readonly Conflict[];
}

async function checkFile(file: RegistryFile, { world, site, engines, conflicts }: Context): Promise<CheckedSpec> {
  const { path } = file;
  if ("problem" in file)
    return { path, spec: undefined, isOwn: false, readBy: [], findings: [asFinding(file.problem, path)] };
  const { spec } = file;
  const text = readFileSync(path, "utf8");
  const isOwn = isOwnSpec(spec);
  const remedy = isOwn ? refreshCommand(site, path) : `make it anew with the program that wrote it, or: rm ${path}`;
  const hasStandIns = isSimulated(site.root);
  const checked = { path, text, spec, remedy, hasStandIns };
  const readers = findReaders(path, { text, version: spec.cdiVersion }, engines);
  const double = conflicts.filter(({ files }) => files.includes(path));
  const findings = [
    ...(isOwn ? await checkFresh(world, site, checked) : []),
    ...checkLines(checked),
    ...double.map(({ name, files, problem }): Finding => {
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

function refreshCommand({ root }: Site, path: string): string {
  const berth = root === "/" ? "berth" : `berth --root ${root}`;
  const isUsual = realPath(outputOf(root, {}).path) === realPath(path);
  return isUsual ? `${berth} cdi refresh` : `${berth} cdi refresh --output ${path}`;
}

/** The message without the file's name and place, which stand before it. */
function asFinding({ code, message, remedy }: Problem, path: string): Finding {
  const quoted = `"${path}"`;
  const at = message.indexOf(quoted);
  const [place = "", line] = at < 0 ? [] : (/^:(\d+)(?::\d+)?/.exec(message.slice(at + quoted.length)) ?? []);
  const short = at < 0 ? message : message.slice(0, at).trimEnd() + message.slice(at + quoted.length + place.length);
  return { severity: "error", code, message: short, remedy, ...(line === undefined ? {} : { line: Number(line) }) };
}
