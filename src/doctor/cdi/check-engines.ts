import { findLines } from "../../cdi/index.ts";
import { statSync } from "node:fs";
import { dirname } from "node:path";
import { realPath } from "../../base/index.ts";
import { canRead, crashesOnOneLetter, type EngineCdi } from "../../engines/index.ts";
import { effectiveUid } from "../../linux/index.ts";
import type { CdiFinding } from "./finding.ts";

/** Which engines get a file's devices, and why the others do not. */
export interface Readers {
  /** "docker 26.1.5" */
  readonly readBy: readonly string[];
  readonly findings: readonly CdiFinding[];
}

/** Which engines can read a file. One that looks into its folder and cannot read it is an error; one that does not look, or has CDI off, only where no other reads it. */
export function findReaders(
  path: string,
  { text, version }: { readonly text: string; readonly version: string },
  engines: readonly EngineCdi[],
): Readers {
  const verdicts = engines.map((engine) => ({ engine, ...judge(engine, path, { version, text }) }));
  const readBy = verdicts.filter(({ isRead }) => isRead).map(({ engine }) => titleOf(engine));
  const findings = verdicts.flatMap(({ finding }) => finding ?? []);
  const isFailure = findings.some(({ severity }) => severity === "error");
  const isUseless = engines.length > 0 && readBy.length === 0 && !isFailure;
  // Somebody has put the file there for an engine.
  const reasons = isUseless ? verdicts.flatMap(({ idle }) => idle ?? []) : [];
  return {
    readBy,
    findings: [
      ...findings,
      ...reasons.map((idle): CdiFinding => ({ ...idle, severity: "error" })),
      ...checkMode(path, engines),
    ],
  };
}

/** A vendor or class of one letter ends the engines that look into the file's folder, whatever the specification allows. */
export function checkKind(
  path: string,
  { text, kind }: { readonly text: string; readonly kind: string },
  engines: readonly EngineCdi[],
): readonly CdiFinding[] {
  const [vendor = "", className = ""] = kind.split("/");
  if (vendor.length > 1 && className.length > 1) return [];
  const ending = engines.filter((engine) => {
    const isOn = engine.cdi.kind !== "off" && isIn(path, engine.specDirs);
    return isOn && crashesOnOneLetter(engine.name, engine.version);
  });
  if (ending.length === 0) return [];
  const what = vendor.length > 1 ? "class" : "vendor";
  const message = `the ${what} in "${kind}" has one letter: ${ending.map(titleOf).join(" and ")} crashes when it reads the file`;
  return [
    {
      severity: "error",
      code: "BERTH-F002",
      line: findLines(text, kind)[0],
      message,
      remedy: `rm ${path}, and give its writer a longer name`,
    },
  ];
}

/** "docker 26.1.5"; the bare name where its version is not known. */
export function titleOf({ name, version }: Pick<EngineCdi, "name" | "version">): string {
  return version === undefined ? name : `${name} ${version}`;
}

interface Verdict {
  readonly isRead: boolean;
  readonly finding?: CdiFinding;
  /** Why it has nothing to do with the file. */
  readonly idle?: Pick<CdiFinding, "message" | "remedy">;
}

function judge(
  engine: EngineCdi,
  path: string,
  { version, text }: { readonly version: string; readonly text: string },
): Verdict {
  const { name, cdi, specDirs, newest } = engine;
  const title = titleOf(engine);
  if (!isIn(path, specDirs)) {
    const [first] = specDirs;
    const message = `${title} does not see it: it looks into ${specDirs.join(", ") || "no folder"}`;
    return { isRead: false, idle: { message, ...(first === undefined ? {} : { remedy: `cp ${path} ${first}/` }) } };
  }
  if (cdi.kind === "off")
    return { isRead: false, idle: { message: `CDI is off in ${title}: ${cdi.why}`, remedy: cdi.remedy } };
  const reading = canRead(name, engine.version, version);
  const line = findLines(text, version)[0];
  if (reading === "no") {
    const message = `${title} does not read CDI ${version}, only up to ${newest?.version}`;
    const remedy = `install a newer ${name}, or declare a lower cdiVersion in that line`;
    return { isRead: false, finding: { severity: "error", code: "BERTH-F002", line, message, remedy } };
  }
  const known = newest === undefined ? "" : `; up to ${newest.version} it does`;
  if (reading === "unknown") {
    const message = `whether ${title} reads CDI ${version} is not known${known}`;
    return { isRead: true, finding: { severity: "note", line, message } };
  }
  if (cdi.kind === "on") return { isRead: true };
  return {
    isRead: true,
    finding: { severity: "note", message: `whether CDI is on in ${title} is not known: ${cdi.why}` },
  };
}

/** Whether a file lies in one of the folders, whatever links lead there. */
function isIn(path: string, folders: readonly string[]): boolean {
  const folder = realPath(dirname(path));
  return folders.some((each) => realPath(each) === folder);
}

const OTHERS_CAN_READ = 0o004;
const OTHERS_CAN_ENTER = 0o001;

/** Podman also runs for users who are not root; whoever is none finds out by reading the file. */
function checkMode(path: string, engines: readonly EngineCdi[]): readonly CdiFinding[] {
  const podman = engines.find(({ name, specDirs }) => name === "podman" && isIn(path, specDirs));
  if (podman === undefined || effectiveUid() !== 0) return [];
  const folder = dirname(path);
  const isClosed = (statSync(folder).mode & OTHERS_CAN_ENTER) === 0;
  if (!isClosed && (statSync(path).mode & OTHERS_CAN_READ) !== 0) return [];
  const what = isClosed ? `its folder "${folder}"` : "it";
  const remedy = isClosed ? `chmod 755 ${folder}` : `chmod 644 ${path}`;
  return [
    {
      severity: "warning",
      message: `users other than root cannot read ${what}, so ${titleOf(podman)} without root does not see its devices`,
      remedy,
    },
  ];
}
