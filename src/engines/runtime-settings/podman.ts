import { existsSync } from "node:fs";
import { entriesAt, textAt, textsOf } from "../any-value.ts";
import { readWithAdded, type EngineFile, type HostFiles, type RuntimeSettings } from "./settings.ts";

/**
 * The containers.conf of the distribution, the machine and the user, each with the files that add to it; a later one
 * counts (containers.conf(5)). Throws T001.
 */
export function readPodmanFiles(files: HostFiles, userFolder: string | undefined): readonly EngineFile[] {
  const folders = ["/usr/share/containers", "/etc/containers"];
  const all = userFolder === undefined ? folders : [...folders, `${userFolder}/containers`];
  return all.flatMap((folder) => readWithAdded(files, `${folder}/containers.conf`));
}

/**
 * What they say of NVIDIA's runtimes. A runtime has several paths, of which the first that is there counts; the usual
 * ones podman knows by itself.
 */
export function podmanRuntimes(files: readonly EngineFile[]): RuntimeSettings {
  const runtimes = files.flatMap(({ path, top }) => {
    return entriesAt(top, "engine", "runtimes").flatMap(([name, value]) => {
      const programs = textsOf(value) ?? [];
      const isOurs = name.includes("nvidia") || programs.some((program) => program.includes("nvidia"));
      return isOurs
        ? [{ name, file: path, program: programs.find((program) => existsSync(program)) ?? programs[0] }]
        : [];
    });
  });
  const chosen = files.flatMap(({ path, top }) => {
    const name = textAt(top, "engine", "runtime");
    return name === undefined || name.startsWith("/") ? [] : [{ name, file: path }];
  });
  return { runtimes, chosen: chosen.at(-1), builtIn: /^(?:crun|runc|runj|kata|runsc|youki|krun|crun-wasm|ocijail)$/ };
}
