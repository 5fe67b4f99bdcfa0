import { basename, dirname, join } from "node:path";
import { DROP_INS, PROGRAMS } from "../base/index.ts";
import { patchLauncher } from "../linux/index.ts";
import type { InstallEntry } from "./entry.ts";
import { relocate, type Layout } from "./layout.ts";

/** A page of the manual: `berth.1` and its text. */
export interface ManualPage {
  readonly file: string;
  readonly text: string;
}

export interface InstallInput {
  readonly layout: Layout;
  /** The content of the executable. */
  readonly executable: Uint8Array;
  /** The content of the launcher, its slots empty. */
  readonly launcher: Uint8Array;
  /** The files of `packaging/` by their paths in there. */
  readonly packaging: Readonly<Record<string, string>>;
  readonly manual: readonly ManualPage[];
  /** The pages of `docs/` by their names. */
  readonly docs: Readonly<Record<string, string>>;
  /** Whether the names of the NVIDIA stack go into PATH, too. */
  readonly hasNames: boolean;
}

/**
 * Everything that an installation consists of, as data, sorted by path. The names of the NVIDIA stack are always beside
 * the executable, where an engine can be pointed at them. Throws BERTH-L007 for a prefix that is too long.
 */
export function planInstall(input: InstallInput): readonly InstallEntry[] {
  const entries = [...programs(input), ...shipped(input), ...manual(input), ...docs(input)];
  return entries.toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

function programs({ layout, executable, launcher, hasNames }: InstallInput): readonly InstallEntry[] {
  const path = join(layout.own, "berth");
  const content = patchLauncher(launcher, { executable: path });
  const names = hasNames ? DROP_INS : [];
  return [
    { path, part: "own", mode: 0o755, content: executable },
    ...PROGRAMS.map((name) => ({ path: join(layout.own, "bin", name), part: "own", mode: 0o755, content }) as const),
    { path: join(layout.bin, "berth"), part: "program", mode: 0o755, content },
    ...names.map((name) => ({ path: join(layout.bin, name), part: "name", mode: 0o755, content }) as const),
  ];
}

/** What lies in `packaging/`, by its folder; a folder that is not known here has another purpose. */
function shipped({ layout, packaging }: InstallInput): readonly InstallEntry[] {
  return Object.entries(packaging).flatMap(([file, text]) => {
    const to = placeOf(file, layout);
    if (to === undefined) return [];
    const isUnit = to.startsWith(layout.units) || to.startsWith(layout.rules);
    const content = relocate(text, layout);
    return [{ path: to, part: isUnit ? "unit" : "extra", mode: 0o644, content } as const];
  });
}

function placeOf(file: string, layout: Layout): string | undefined {
  const name = basename(file);
  switch (dirname(file)) {
    case "systemd":
      return join(layout.units, name);
    case "udev":
      return join(layout.rules, name);
    case "completions":
      return completionPlace(name, layout);
    default:
      return undefined;
  }
}

/** bash loads a completion by the name of its command alone. */
function completionPlace(name: string, layout: Layout): string {
  if (name.endsWith(".bash")) return join(layout.bashCompletions, name.slice(0, -".bash".length));
  return join(name.endsWith(".fish") ? layout.fishCompletions : layout.zshCompletions, name);
}

/** Pages about the names go with them. */
function manual({ layout, manual: pages, hasNames }: InstallInput): readonly InstallEntry[] {
  return pages.flatMap(({ file, text }) => {
    const isOfNames = file.startsWith("nvidia-");
    if (isOfNames && !hasNames) return [];
    return [
      { path: join(layout.manual, file), part: isOfNames ? "name" : "extra", mode: 0o644, content: text } as const,
    ];
  });
}

function docs({ layout, docs: pages }: InstallInput): readonly InstallEntry[] {
  return Object.entries(pages).map(([name, content]) => {
    return { path: join(layout.docs, name), part: "extra", mode: 0o644, content } as const;
  });
}
