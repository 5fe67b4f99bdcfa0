import { statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { matchesGlob } from "../../base/index.ts";
import { entriesAt, isTable, textAt, textsOf } from "../any-value.ts";
import { CRI_PLUGINS } from "../containerd-plugins.ts";
import { readEngineFile, type EngineFile, type RuntimeSettings } from "./settings.ts";

/**
 * A config.toml and what it imports, which adds to it; a pattern has its star in the last part. `root`: of the host.
 * Undefined: it is not there. Throws T001.
 */
export function readContainerdFiles(root: string, path: string): readonly EngineFile[] | undefined {
  const main = readEngineFile("toml", path);
  if (main === undefined) return undefined;
  const patterns = textsOf(main.top["imports"]) ?? [];
  const places = patterns.flatMap((pattern) => expand(onMachine(root, path, pattern)));
  return [main, ...places.flatMap((place) => readEngineFile("toml", place) ?? [])];
}

/** What they say, under any name of the part for Kubernetes. */
export function containerdRuntimes(files: readonly EngineFile[]): RuntimeSettings {
  const runtimes = files.flatMap(({ path, top }) => {
    const all = CRI_PLUGINS.flatMap((plugin) => entriesAt(top, "plugins", plugin, "containerd", "runtimes"));
    return all.map(([name, value]) => {
      const program = isTable(value)
        ? (textAt(value, "options", "BinaryName") ?? textAt(value, "runtime_path"))
        : undefined;
      return { name, file: path, program };
    });
  });
  const chosen = files.flatMap(({ path, top }) => {
    const names = CRI_PLUGINS.flatMap(
      (plugin) => textAt(top, "plugins", plugin, "containerd", "default_runtime_name") ?? [],
    );
    return names.map((name) => ({ name, file: path }));
  });
  return { runtimes, chosen: chosen.at(-1), builtIn: /^runc$/ };
}

function onMachine(root: string, path: string, pattern: string): string {
  return pattern.startsWith("/") && root !== "/" ? root + pattern : resolve(dirname(path), pattern);
}

function expand(pattern: string): readonly string[] {
  if (!pattern.includes("*")) return [pattern];
  const glob = new Bun.Glob("*");
  const folder = dirname(pattern);
  const last = pattern.slice(folder.length + 1);
  const isThere = statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true;
  const names = isThere ? [...glob.scanSync({ cwd: folder })].filter((name) => matchesGlob(name, last)) : [];
  return names.toSorted().map((name) => `${folder}/${name}`);
}
