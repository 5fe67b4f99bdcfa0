import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DROP_INS, errnoCode } from "../base/index.ts";
import type { Layout } from "./layout.ts";

/** Where an engine is told which runtime or hook to start. */
const FILES = [
  "etc/docker/daemon.json",
  "etc/containerd/config.toml",
  "etc/containerd/conf.d/*",
  "etc/crio/crio.conf",
  "etc/crio/crio.conf.d/*",
  "etc/containers/containers.conf",
  "etc/containers/containers.conf.d/*",
  "etc/containers/oci/hooks.d/*",
  "etc/cdi/*",
  "run/cdi/*",
];

/** The files of engines that name programs of an installation: once those are gone, no container starts by them. What may not be read is left out. */
export function findStillNamed(root: string, { bin, own }: Layout): readonly string[] {
  const signs = [`${own}/`, ...DROP_INS.map((name) => join(bin, name)).filter((path) => !existsSync(join(root, path)))];
  const paths = FILES.flatMap((pattern) => [...new Bun.Glob(pattern).scanSync({ cwd: root, dot: true })]).toSorted();
  return paths.filter((path) => mentions(join(root, path), signs)).map((path) => join("/", path));
}

function mentions(path: string, signs: readonly string[]): boolean {
  try {
    const text = readFileSync(path, "latin1");
    return signs.some((sign) => text.includes(sign));
  } catch (error) {
    if (errnoCode(error) === undefined) throw error;
    return false;
  }
}
