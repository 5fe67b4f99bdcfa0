import { readFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { BerthError, escapeControls, VERSION } from "../base/index.ts";
import {
  checkFolders,
  chooseUnits,
  docPages,
  findPrefix,
  findToolkit,
  install,
  isBuilt,
  layoutOf,
  packagingFiles,
  planInstall,
  readLauncher,
  readManifest,
  refusePackaged,
  runSteps,
  type Installed,
  type Installer,
  type InstallEntry,
  type Layout,
} from "../install/index.ts";
import { effectiveUid } from "../linux/index.ts";
import type { World } from "./context.ts";
import { manualPages } from "./manual/pages.ts";

export const DEFAULT_PREFIX = "/usr/local";

interface Flags {
  readonly prefix?: string;
  readonly asNvidia?: boolean;
}

/** `berth install`. Throws BERTH-I001 to I003 and I005. */
export async function installBerth(this: World, flags: Flags): Promise<void> {
  if (!isBuilt()) throw notBuilt();
  const root = this.namedRoot ?? "/";
  const layout = layoutOf(findPrefix(root, flags.prefix ?? DEFAULT_PREFIX));
  refusePackaged(root, layout);
  const before = readManifest(root, layout);
  // A file that was replaced is there again once its name is not ours.
  const toolkit = [...findToolkit(root, layout), ...(before?.backups ?? []).map(({ path }) => path)];
  const asNvidia = flags.asNvidia ?? before?.asNvidia === true;
  const plan = planInstall({
    layout,
    executable: readFileSync(this.executable),
    launcher: readLauncher(),
    packaging: packagingFiles(),
    manual: await manualPages(VERSION),
    docs: docPages(),
    hasNames: asNvidia || toolkit.length === 0,
  });
  const { entries, leftOut } = chooseUnits(root, layout, plan);
  checkFolders([layout.state, ...entries.map(({ path }) => dirname(path))], {
    root,
    prefix: layout.prefix,
    ...installer(),
  });
  const task = { root, layout, entries, version: VERSION, asNvidia, now: new Date() };
  const installed = runSteps(install(task), `Cannot install berth into "${layout.prefix}"`);
  this.print(`${summary(installed, layout)}\n`);
  const notes = [
    ...leftOut,
    ...describe(installed),
    ...describeNames(layout, entries, toolkit),
    ...unitsToEnable(installed),
    ...(before === undefined && root === "/"
      ? [`to use it with the container engines: ${layout.bin}/berth setup`]
      : []),
  ];
  for (const note of notes) this.note(`${escapeControls(note)}\n`);
}

/** Whoever installs. */
export function installer(): Installer {
  return { uid: effectiveUid(), gid: process.getegid?.() ?? 0 };
}

function notBuilt(): BerthError {
  const message = "Cannot install berth: this one runs from its sources";
  return new BerthError({ code: "BERTH-I003", message, remedy: "npm run build && dist/bin/berth install" });
}

function summary({ judged }: Installed, { prefix }: Layout): string {
  const counts = (["new", "replace", "foreign"] as const).map(
    (kind) => judged.filter(({ verdict }) => verdict === kind).length,
  );
  const [made = 0, replaced = 0, taken = 0] = counts;
  const what =
    made + replaced + taken === 0 ? "nothing had to be changed" : `${made} new, ${replaced + taken} replaced`;
  return `berth ${VERSION} is installed in ${prefix}: ${judged.length} files, ${what}`;
}

function describe({ backups, left, gone }: Installed): readonly string[] {
  return [
    ...backups.map(
      ({ path, backup }) =>
        `"${path}" was another program's: it is kept as "${backup}", and berth uninstall puts it back`,
    ),
    ...left.map(({ path, why }) => `"${path}" stays as it is: ${why}`),
    ...gone.map((path) => `"${path}" is no longer part of berth and was taken away`),
  ];
}

function describeNames(
  { prefix, bin, own }: Layout,
  entries: readonly InstallEntry[],
  [first]: readonly string[],
): readonly string[] {
  if (first === undefined) return [];
  const hasNames = entries.some(({ part }) => part === "name");
  return hasNames
    ? [`another NVIDIA toolkit is here, too ("${first}"): which of the two a name starts is for PATH to say`]
    : [
        `the names of the NVIDIA stack are in ${own}/bin alone, since "${first}" is another program's; into ${bin}: berth install --prefix ${prefix} --as-nvidia`,
      ];
}

/** Units that can be enabled are those that say by what. */
function unitsToEnable({ judged }: Installed): readonly string[] {
  const units = judged.filter(({ entry }) => isEnableable(entry));
  if (!units.some(({ verdict }) => verdict === "new")) return [];
  const names = units.map(({ entry }) => basename(entry.path)).join(" ");
  return [
    `to have device nodes and the CDI file kept right: systemctl daemon-reload && systemctl enable --now ${names}`,
  ];
}

function isEnableable({ part, content }: InstallEntry): boolean {
  return part === "unit" && typeof content === "string" && content.includes("\n[Install]\n");
}
