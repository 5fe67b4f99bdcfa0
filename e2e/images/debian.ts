import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { lockFile } from "../../src/linux/index.ts";
import { must } from "../lib/run.ts";

const CACHE = "/var/cache/berth-e2e";
const DEADLINE_MS = 600_000;

/** Nothing of these is used in a test; without them an import takes half the time. */
const LEFT_OUT = [
  "usr/share/{doc,locale,man,info,i18n,zoneinfo,perl5,lintian,bash-completion}",
  "var/cache/*",
  "var/lib/apt/lists/*",
  "var/log/*",
  "usr/lib/*/{gconv,perl-base}",
];

/**
 * The root file system of a minimal Debian with a merged /usr, kept from run to run in /var/cache/berth-e2e. Made by debootstrap from
 * this machine's own mirror. Nobody may write into it: containers get a layer on it.
 */
export function debianTree(): string {
  const { uri, suite } = readSource();
  const tree = join(CACHE, `debian-${suite}`);
  if (existsSync(tree)) return tree;
  mkdirSync(CACHE, { recursive: true });
  // Another test file may be making the same tree.
  using _ = lockFile(join(CACHE, "lock"), DEADLINE_MS);
  if (existsSync(tree)) return tree;
  const partial = `${tree}.partial`;
  rmSync(partial, { recursive: true, force: true });
  must(["debootstrap", "--variant=minbase", suite, partial, uri], { timeoutMs: DEADLINE_MS });
  for (const pattern of LEFT_OUT) {
    for (const path of new Bun.Glob(pattern).scanSync({ cwd: partial, onlyFiles: false }))
      rmSync(join(partial, path), { recursive: true, force: true });
  }
  for (const folder of ["dev", "proc", "sys", "run"]) {
    for (const name of readdirSync(join(partial, folder)))
      rmSync(join(partial, folder, name), { recursive: true, force: true });
  }
  renameSync(partial, tree);
  return tree;
}

/** The first suite that this machine installs its own packages from. */
function readSource(): Source {
  const lists = "/etc/apt/sources.list.d";
  const files = existsSync(lists) ? readdirSync(lists).filter((name) => !name.startsWith("berth-")) : [];
  const texts = [...files.map((name) => join(lists, name)), "/etc/apt/sources.list"]
    .filter((path) => existsSync(path) && /\.(sources|list)$/.test(path))
    .map((path) => readFileSync(path, "utf8"));
  for (const text of texts) {
    const source = readDeb822(text) ?? readOneLine(text);
    if (source !== undefined) return source;
  }
  throw new Error("no Debian or Ubuntu source in /etc/apt");
}

interface Source {
  readonly uri: string;
  readonly suite: string;
}

function readDeb822(text: string): Source | undefined {
  for (const paragraph of text.split(/\n\s*\n/)) {
    const uri = /^URIs:\s*(\S+)/m.exec(paragraph)?.[1];
    const suite = /^Suites:\s*(\S+)/m.exec(paragraph)?.[1];
    const isMain = /^Components:.*\bmain\b/m.test(paragraph) && !/^Types: deb-src$/m.test(paragraph);
    if (uri !== undefined && suite !== undefined && isMain && isKnown(suite)) return { uri, suite };
  }
  return undefined;
}

function readOneLine(text: string): Source | undefined {
  for (const [, uri = "", suite = ""] of text.matchAll(/^deb (?:\[[^\]]*\] )?(\S+) (\S+) .*\bmain\b/gm)) {
    if (isKnown(suite)) return { uri, suite };
  }
  return undefined;
}

function isKnown(suite: string): boolean {
  return existsSync(join("/usr/share/debootstrap/scripts", suite));
}
