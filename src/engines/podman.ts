import { compareVersions } from "../base/index.ts";
import { isTable, valueAt } from "./any-value.ts";
import type { EngineFiles } from "./config-files.ts";
import { alwaysOn, DEFAULT_DIRS, type Engine } from "./engine.ts";

const FIRST = "4.1";
/** Before it, the key in the files is not obeyed (podman#25691), and the defaults are the library's. */
const FIRST_WITH_KEY = "5.5";
/** In between, only /etc/cdi is a default (podman#26569, containers/common#2460). */
const FIRST_WITH_BOTH = "5.6";

/** `containers.conf`, key `cdi_spec_dirs` of `[engine]` (containers/common, docs/containers.conf.5.md). */
export const PODMAN: Engine = {
  name: "podman",
  program: "podman",
  read: (files, release) => {
    const isBefore = (first: string): boolean => release !== undefined && compareVersions(release, first) < 0;
    const defaults = isBefore(FIRST_WITH_BOTH) && !isBefore(FIRST_WITH_KEY) ? ["/etc/cdi"] : DEFAULT_DIRS;
    return {
      specDirs: isBefore(FIRST_WITH_KEY) ? DEFAULT_DIRS : readDirs(files, defaults),
      cdi: alwaysOn("podman", FIRST, isBefore(FIRST)),
    };
  },
};

/** The files in the order in which they count; `{append=true}` in a list adds to what was before. */
function readDirs(files: EngineFiles, defaults: readonly string[]): readonly string[] {
  const own = files.userFolder === undefined ? [] : [`${files.userFolder}/containers`];
  const paths = ["/usr/share/containers", "/etc/containers", ...own].flatMap((folder) => [
    `${folder}/containers.conf`,
    ...files.list(`${folder}/containers.conf.d/*.conf`),
  ]);
  return paths.reduce((before, path) => {
    const value = valueAt(files.toml(path)?.top ?? {}, "engine", "cdi_spec_dirs");
    if (!Array.isArray(value)) return before;
    const named = value.filter((item) => typeof item === "string");
    return value.some((item) => isTable(item) && item["append"] === true) ? [...before, ...named] : named;
  }, defaults);
}
