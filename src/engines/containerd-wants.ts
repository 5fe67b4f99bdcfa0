import { compareVersions } from "../base/index.ts";
import type { KeyPath } from "../text/index.ts";
import type { Want } from "./change-text.ts";
import type { ContainerdFiles } from "./containerd-files.ts";
import { isTable, tableAt, textAt, valueAt, type Table } from "./config-values.ts";
import type { EngineWish, RuntimeWish } from "./wish.ts";

const RUNC = "io.containerd.runc.v2";
/** Of containerd before 1.4; its shim takes the program's path under another name. */
const OLD_SHIM = "io.containerd.runtime.v1.linux";
const FIRST_WITH_CDI = "1.7";
const FIRST_WITH_CDI_ON = "2.0";

/**
 * What the plugin has to say, given what it says. A runtime is a copy of the one that containers get by default, with
 * another program: so it keeps its control group driver. Values without one to copy: containerd 1.7, `containerd config
 * default`.
 */
export function containerdWants(
  { plugin, isMerging }: Pick<ContainerdFiles, "plugin" | "isMerging">,
  said: Table,
  { runtime, cdi }: EngineWish,
  release: string | undefined,
): readonly Want[] {
  const at = ["plugins", plugin];
  return [
    ...(runtime === undefined
      ? []
      : runtimeWants([...at, "containerd"], tableAt(said, ["containerd"]), isMerging, runtime)),
    ...(cdi && needsSwitch(said, release) ? [{ path: [...at, "enable_cdi"], value: true }] : []),
  ];
}

function runtimeWants(at: KeyPath, said: Table, isMerging: boolean, wish: RuntimeWish): readonly Want[] {
  // One runtime that is named takes away the built-in runc, without which the plugin does not load (tried with 1.7.24).
  const isAlone = !isMerging && Object.keys(tableAt(said, ["runtimes"])).length === 0;
  const runc = { runtime_type: RUNC };
  return [
    ...(isAlone ? [{ path: [...at, "runtimes", "runc"], value: runc }] : []),
    ...entryWants([...at, "runtimes", wish.name], isAlone ? { ...said, runtimes: { runc } } : said, wish),
    ...(wish.isDefault ? [{ path: [...at, "default_runtime_name"], value: wish.name }] : []),
  ];
}

function entryWants(at: KeyPath, said: Table, { name, path }: RuntimeWish): readonly Want[] {
  const old = valueAt(said, ["runtimes", name]);
  if (!isTable(old)) {
    const entry = cloneRuntime(said);
    const key = programKey(entry);
    const value = { ...entry, options: { ...tableAt(entry, ["options"]), [key]: path } };
    return [{ path: at, value, mark: ["options", key] }];
  }
  return [
    ...(textAt(old, ["runtime_type"]) ? [] : [{ path: [...at, "runtime_type"], value: RUNC }]),
    { path: [...at, "options", programKey(old)], value: path },
  ];
}

/** A runtime that is started as runc is: the default one, else runc, else crun. */
function cloneRuntime(said: Table): Table {
  const names = [textAt(said, ["default_runtime_name"]) ?? "runc", "runc", "crun"];
  const found = names
    .map((name) => valueAt(said, ["runtimes", name]))
    .find((entry) => isTable(entry) && isRuncLike(entry));
  const fallback = { privileged_without_host_devices: false, runtime_engine: "", runtime_root: "", runtime_type: RUNC };
  if (!isTable(found)) return fallback;
  return textAt(found, ["runtime_type"]) ? found : { ...found, runtime_type: RUNC };
}

function isRuncLike(entry: Table): boolean {
  const type = textAt(entry, ["runtime_type"]) ?? "";
  return type === "" || type === OLD_SHIM || type.startsWith("io.containerd.runc.");
}

function programKey(entry: Table): string {
  return textAt(entry, ["runtime_type"]) === OLD_SHIM ? "Runtime" : "BinaryName";
}

function needsSwitch(said: Table, release: string | undefined): boolean {
  if (release === undefined || said["enable_cdi"] === false) return true;
  return compareVersions(release, FIRST_WITH_CDI) >= 0 && compareVersions(release, FIRST_WITH_CDI_ON) < 0;
}
