import { quoteAll } from "../../../base/index.ts";
import type { Registry, RegistryDevice } from "../../../cdi/index.ts";
import { canRead, type EngineCdi, type EngineName } from "../../../engines/index.ts";
import { seen, unseen, type Here } from "../known-error.ts";
import type { Machine } from "../machine.ts";
import { titleOf } from "../../cdi/check-engines.ts";
import { lookAtDriver } from "./driver.ts";

const GENERATE = "berth cdi generate --output /etc/cdi/nvidia.yaml";
const ENGINES: readonly EngineName[] = ["docker", "podman", "containerd", "cri-o"];

/** Why a CDI name cannot be resolved: nothing defines it, a file is broken, two define it, or the engine does not look there. */
export function lookForCdiDevice(machine: Machine, [names = ""]: readonly string[]): Here {
  const [name = ""] = names.split(",");
  const folders = foldersOf(machine);
  const files = machine.cdiFiles(folders);
  if (!files.isKnown) return unseen("the CDI files", files.why);
  const { devices, problems } = files.value;
  const device = devices.get(name);
  if (device !== undefined) return lookAtEngines(machine, device);
  const [problem] = problems;
  if (problem !== undefined) return seen(problem.message, problem.remedy);
  if (files.value.files.length === 0)
    return lookAtDriver(machine) ?? seen(`there is no CDI file in ${quoteAll(folders)}`, GENERATE);
  return seen(
    `${countFiles(files.value)} in ${quoteAll(folders)} defin${files.value.files.length === 1 ? "es" : "e"} no "${name}"${similar(devices.keys(), name)}`,
    "berth cdi list; to make the file anew: berth cdi refresh",
  );
}

function countFiles({ files }: Registry): string {
  return files.length === 1 ? "the one CDI file" : `the ${files.length} CDI files`;
}

function similar(all: Iterable<string>, name: string): string {
  const kind = name.split("=")[0] ?? "";
  const same = [...all].filter((each) => each.startsWith(`${kind}=`)).slice(0, 8);
  return same.length === 0 ? "" : `; there are ${same.join(", ")}`;
}

/** Of all engines that are installed, or where they look that are not told otherwise. */
function foldersOf(machine: Machine): readonly string[] {
  const folders = new Set(installed(machine).flatMap(({ specDirs }) => specDirs));
  const at = machine.root === "/" ? "" : machine.root;
  return folders.size > 0 ? [...folders] : [`${at}/etc/cdi`, `${at}/var/run/cdi`];
}

function installed({ engine }: Machine): readonly EngineCdi[] {
  return ENGINES.flatMap((name) => {
    const found = engine(name);
    return found.isKnown && found.value !== undefined ? [found.value] : [];
  });
}

/** The name is good: one of the engines may have CDI off, or look elsewhere. */
function lookAtEngines(machine: Machine, { file, spec }: RegistryDevice): Here {
  const engines = installed(machine);
  const old = engines.find(({ name, version }) => canRead(name, version, spec.cdiVersion) === "no");
  if (old !== undefined)
    return seen(`"${file}" defines it in CDI ${spec.cdiVersion}, which ${titleOf(old)} cannot read`, "berth cdi check");
  const off = engines.find(({ cdi }) => cdi.kind === "off");
  if (off?.cdi.kind === "off")
    return seen(`"${file}" defines it, but CDI is off in ${titleOf(off)}: ${off.cdi.why}`, off.cdi.remedy);
  const blind = engines.find(({ specDirs }) => !specDirs.some((folder) => file.startsWith(`${folder}/`)));
  if (blind !== undefined)
    return seen(
      `"${file}" defines it, but ${titleOf(blind)} looks in ${quoteAll(blind.specDirs)}`,
      `berth cdi generate --output ${blind.specDirs[0] ?? "/etc/cdi"}/nvidia.yaml`,
    );
  return seen(
    `"${file}" defines it now: the engine looked before the file was made, or cannot read it`,
    "berth cdi check",
  );
}

/** Whether a path that a CDI file names is gone. */
export function lookForDeadPath(machine: Machine, [path = ""]: readonly string[]): Here {
  const found = machine.stat(path);
  if (!found.isKnown) return unseen(`"${path}"`, found.why);
  if (found.value !== undefined)
    return seen(`"${path}" is here now: the file was made anew since`, "start the container again");
  const host = machine.host();
  const version = host.isKnown ? host.value.driver?.version : undefined;
  const now = version === undefined ? "" : `; the driver is ${version} now`;
  return seen(`there is no "${path}" on this machine${now}`, "berth cdi refresh");
}
