import { posix } from "node:path";
import { readCsvItems } from "./csv-files.ts";
import { supportedCuda } from "./cuda-versions.ts";
import { readDriverVersion } from "./driver-version.ts";
import type { Driver, GpuUnit, UnitItem } from "./host.ts";
import { readRootText, type Scene } from "./scene.ts";
import { fileItem, libraryFoldersOf, uniqueItems } from "./unit.ts";

const RELEASE = "/etc/nv_tegra_release";
const MODEL_BYTES = 256;

/** The GPU of a Tegra, which CSV files describe. Undefined when nothing of what they name is there. */
export function readCsvUnit(scene: Scene): { readonly driver: Driver; readonly unit: GpuUnit } | undefined {
  const named = readCsvItems(scene);
  if (named.length === 0) return undefined;
  const release = fileItem(scene, RELEASE, false);
  const items = uniqueItems(release === undefined ? named : [...named, release]);
  const version = readDriverVersion(scene) ?? versionOfNames(items);
  const cuda = version === undefined ? undefined : supportedCuda(version);
  return {
    driver: { version, cuda, libraryFolders: libraryFoldersOf(items) },
    unit: { kind: "csv", model: readModel(scene), items },
  };
}

/** "540.4.0" of libcuda.so.540.4.0; the "1.1" that most of them carry is not the driver's version. */
function versionOfNames(items: readonly UnitItem[]): string | undefined {
  const names = items.flatMap((item) => (item.kind === "library" ? [posix.basename(item.path)] : []));
  const versions = names.map((name) => /^lib(?:cuda|nvidia-ml)\.so\.(\d{3,5}\.\d{1,5}(?:\.\d{1,5})?)$/.exec(name)?.[1]);
  return versions.find((version) => version !== undefined);
}

/** The board, as its device tree names it. */
function readModel(scene: Scene): string {
  const text = readRootText(scene, "/proc/device-tree/model", MODEL_BYTES) ?? "";
  return /^[\x20-\x7e]{1,100}/.exec(text)?.[0] ?? "NVIDIA Jetson";
}
