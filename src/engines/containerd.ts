import { dirname, resolve } from "node:path";
import { compareVersions } from "../base/index.ts";
import { textsOf, valueAt } from "./any-value.ts";
import type { ConfigFile, EngineFiles } from "./config-files.ts";
import { CRI_PLUGINS } from "./containerd-plugins.ts";
import { DEFAULT_DIRS, type CdiSwitch, type Engine } from "./engine.ts";

const CONFIG = "/etc/containerd/config.toml";
const FIRST = "1.7";
const FIRST_BY_DEFAULT = "2.0";

/** `config.toml` of containerd and what it imports (containerd, docs/cri/config.md; on by default: containerd#9621). */
export const CONTAINERD: Engine = {
  name: "containerd",
  program: "containerd",
  read: (files, release) => {
    const all = readAll(files);
    const counting = isMerging(all, release) ? all : all.filter(namesPlugin).slice(-1);
    const last = (key: string): unknown => counting.flatMap((file) => pluginValues(file, key)).at(-1);
    return {
      specDirs: textsOf(last("cdi_spec_dirs")) ?? DEFAULT_DIRS,
      cdi: isDisabled(all) ? NO_PLUGIN : readSwitch(last("enable_cdi"), release),
    };
  },
};

const NO_PLUGIN: CdiSwitch = {
  kind: "off",
  why: "its CRI plugin is disabled",
  remedy: `take "cri" out of disabled_plugins in ${CONFIG}, then: systemctl restart containerd`,
};

/** Whether each key of the plugin counts that a later file does not say; before 2.0 only the last file that names it does (containerd#9982). */
function isMerging([main]: readonly ConfigFile[], release: string | undefined): boolean {
  const version = main?.top["version"];
  const isNew = release !== undefined && compareVersions(release, FIRST_BY_DEFAULT) >= 0;
  return isNew || (typeof version === "number" && version > 2);
}

function namesPlugin({ top }: ConfigFile): boolean {
  return CRI_PLUGINS.some((plugin) => valueAt(top, "plugins", plugin) !== undefined);
}

/** The file, then its imports: what a later one says counts. */
function readAll(files: EngineFiles): readonly ConfigFile[] {
  const main = files.toml(CONFIG);
  if (main === undefined) return [];
  const imports = textsOf(main.top["imports"]) ?? [];
  const paths = imports.flatMap((pattern) => files.list(resolve(dirname(CONFIG), pattern)));
  return [main, ...paths.flatMap((path) => files.toml(path) ?? [])];
}

function pluginValues({ top }: ConfigFile, key: string): readonly unknown[] {
  return CRI_PLUGINS.map((plugin) => valueAt(top, "plugins", plugin, key)).filter((value) => value !== undefined);
}

function isDisabled(all: readonly ConfigFile[]): boolean {
  return all.some(({ top }) => textsOf(top["disabled_plugins"])?.some((name) => CRI_PLUGINS.includes(name)));
}

function readSwitch(flag: unknown, release: string | undefined): CdiSwitch {
  if (release !== undefined && compareVersions(release, FIRST) < 0) {
    return { kind: "off", why: `it knows CDI since ${FIRST}`, remedy: `install containerd ${FIRST} or newer` };
  }
  const remedy = `set enable_cdi = true in ${CONFIG} (table of its CRI plugin), then: systemctl restart containerd`;
  if (flag === true) return { kind: "on" };
  if (flag === false) return { kind: "off", why: "its configuration says so", remedy };
  if (release === undefined) return { kind: "unknown", why: `${CONFIG} does not say it, and its version is not known` };
  if (compareVersions(release, FIRST_BY_DEFAULT) >= 0) return { kind: "on" };
  return { kind: "off", why: `before ${FIRST_BY_DEFAULT} it has to be asked for`, remedy };
}
