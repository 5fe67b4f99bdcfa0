import { compareVersions } from "../base/index.ts";
import { textsOf, valueAt } from "./any-value.ts";
import { alwaysOn, DEFAULT_DIRS, type Engine } from "./engine.ts";

const CONFIG = "/etc/crio/crio.conf";
const FIRST = "1.23";

/** `crio.conf` and `crio.conf.d`, key `cdi_spec_dirs` of `[crio.runtime]` (cri-o, docs/crio.conf.5.md). */
export const CRIO: Engine = {
  name: "cri-o",
  program: "crio",
  read: (files, release) => {
    const paths = [CONFIG, ...files.list(`${CONFIG}.d/*`)];
    const named = paths.flatMap((path) => [
      textsOf(valueAt(files.toml(path)?.top ?? {}, "crio", "runtime", "cdi_spec_dirs")),
    ]);
    const isOld = release !== undefined && compareVersions(release, FIRST) < 0;
    return {
      specDirs: named.findLast((dirs) => dirs !== undefined) ?? DEFAULT_DIRS,
      cdi: alwaysOn("cri-o", FIRST, isOld),
    };
  },
};
