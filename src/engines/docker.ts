import { compareVersions } from "../base/index.ts";
import { textsOf, valueAt } from "./any-value.ts";
import { DEFAULT_DIRS, type CdiSwitch, type Engine } from "./engine.ts";

const CONFIG = "/etc/docker/daemon.json";
const FIRST = "25.0";
const FIRST_BY_DEFAULT = "28.2";

/** `daemon.json` of dockerd (docker/cli, docs/reference/dockerd.md; on by default: moby#49963). What its command line says beside is not known. */
export const DOCKER: Engine = {
  name: "docker",
  program: "dockerd",
  read: (files, release) => {
    const top = files.json(CONFIG)?.top ?? {};
    const named = textsOf(valueAt(top, "cdi-spec-dirs"));
    return {
      // One that is empty switches it off.
      specDirs: (named ?? DEFAULT_DIRS).filter((folder) => folder !== ""),
      cdi: readSwitch(valueAt(top, "features", "cdi"), release),
    };
  },
};

function readSwitch(flag: unknown, release: string | undefined): CdiSwitch {
  const switchOn = `set "features": { "cdi": true } in ${CONFIG}, then: systemctl restart docker`;
  if (release !== undefined && compareVersions(release, FIRST) < 0) {
    return { kind: "off", why: `it knows CDI since ${FIRST}`, remedy: `install Docker ${FIRST} or newer` };
  }
  if (flag === true) return { kind: "on" };
  if (flag === false) return { kind: "off", why: `${CONFIG} says so`, remedy: switchOn };
  if (release === undefined) return { kind: "unknown", why: `${CONFIG} does not say it, and its version is not known` };
  if (compareVersions(release, FIRST_BY_DEFAULT) >= 0) return { kind: "on" };
  return { kind: "off", why: `before ${FIRST_BY_DEFAULT} it has to be asked for`, remedy: switchOn };
}
