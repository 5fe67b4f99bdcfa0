import { entriesAt, isTable, textAt } from "../any-value.ts";
import type { RunningCrio } from "../running/crio.ts";
import { readWithAdded, type EngineFile, type HostFiles, type RuntimeSettings } from "./settings.ts";

const AT = ["crio", "runtime", "runtimes"] as const;

/** crio.conf and crio.conf.d (cri-o, docs/crio.conf.5.md); a later one counts. Throws T001. */
export function readCrioFiles(files: HostFiles): readonly EngineFile[] {
  return readWithAdded(files, "/etc/crio/crio.conf");
}

/** What they say. */
export function crioRuntimes(files: readonly EngineFile[]): RuntimeSettings {
  const runtimes = files.flatMap(({ path, top }) => {
    return entriesAt(top, ...AT).map(([name, value]) => {
      return { name, file: path, program: isTable(value) ? textAt(value, "runtime_path") : undefined };
    });
  });
  const chosen = files.flatMap(({ path, top }) => {
    const name = textAt(top, "crio", "runtime", "default_runtime");
    return name === undefined ? [] : [{ name, file: path }];
  });
  return { runtimes, chosen: chosen.at(-1), builtIn: /^(?:runc|crun)$/ };
}

/** The names of the runtimes in a crio's own answer. */
export function runtimesInCrio({ config }: Pick<RunningCrio, "config">): readonly string[] {
  return entriesAt(config.values, ...AT).map(([name]) => name);
}
