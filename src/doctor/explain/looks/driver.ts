import { smallestDriverFor } from "../../../host/index.ts";
import { seen, unseen, type Here } from "../known-error.ts";
import type { Machine } from "../machine.ts";

/** Why this machine has no driver that is loaded; undefined: it has one. */
export function lookAtDriver(machine: Machine): Here | undefined {
  const host = machine.host();
  if (!host.isKnown) return unseen("the driver", host.why);
  if (host.value.driver !== undefined) {
    if (host.value.gpus.length > 0 || host.value.unit !== undefined) return undefined;
    return seen("the driver is loaded, and it has no GPU", "berth host");
  }
  const cards = machine.cards();
  const absence = host.value.absence ?? { why: "the NVIDIA driver is not loaded", remedy: "modprobe nvidia" };
  if (!cards.isKnown) return seen(absence.why, absence.remedy);
  const [first] = cards.value;
  if (first === undefined)
    return seen(`${absence.why}, and the PCI bus has no GPU of NVIDIA's`, "run it on a machine with an NVIDIA GPU");
  const other = cards.value.find(({ driver }) => driver !== undefined && driver !== "nvidia");
  if (other?.driver !== undefined) return seen(`GPU ${other.bus} is bound to ${other.driver}`, unbind(other.driver));
  return seen(`${absence.why}, though the PCI bus has GPU ${first.bus}`, absence.remedy);
}

function unbind(driver: string): string {
  if (driver !== "nouveau") return `take the GPU from ${driver}, then: modprobe nvidia`;
  return "install the NVIDIA driver, which keeps nouveau away, and restart the machine";
}

/** The same, and that all is well now where it is. */
export function lookAtLoaded(machine: Machine): Here | undefined {
  const missing = lookAtDriver(machine);
  if (missing !== undefined) return missing;
  const host = machine.host();
  const version = host.isKnown ? host.value.driver?.version : undefined;
  return seen(
    `the driver${version === undefined ? "" : ` ${version}`} is loaded now: it was not when the container was started`,
    "start the container again",
  );
}

/** The version of the loaded kernel module against those of the libraries on disk. */
export function lookAtVersions(machine: Machine): Here {
  const [host, libraries] = [machine.host(), machine.libraryVersions()];
  if (!host.isKnown) return unseen("the loaded driver", host.why);
  if (!libraries.isKnown) return unseen("the driver's libraries", libraries.why);
  const loaded = host.value.driver?.version;
  // Wherever the loader finds those of this version.
  const found = host.value.libraries.length > 0 && loaded !== undefined ? [loaded] : [];
  const onDisk = [...new Set([...found, ...libraries.value])].join(", ");
  if (loaded === undefined)
    return seen(host.value.absence?.why ?? "no driver version is known here", host.value.absence?.remedy);
  if (onDisk === "")
    return seen(
      `the kernel module is ${loaded}, and the usual folders hold no library of the driver`,
      `install the libraries of driver ${loaded}`,
    );
  if (onDisk !== loaded) {
    const remedy =
      "restart the machine (or end all that uses the GPU, then: modprobe -r nvidia_uvm nvidia_drm nvidia_modeset nvidia; modprobe nvidia)";
    return seen(`the loaded kernel module is ${loaded}, the libraries on disk are ${onDisk}`, remedy);
  }
  return seen(
    `kernel module and libraries of this machine are both ${loaded}: the other version is in the image`,
    "take the driver's libraries out of the image: it gets this machine's",
  );
}

/** What CUDA version was demanded, and what this machine's driver supports. */
export function lookAtCuda(machine: Machine, [demanded = ""]: readonly string[]): Here {
  const smallest = smallestDriverFor(demanded);
  const newer = smallest === undefined ? "a newer driver" : `driver ${smallest} or newer`;
  const host = machine.host();
  if (!host.isKnown) return unseen("the driver", host.why);
  const { driver, absence } = host.value;
  if (driver === undefined)
    return seen(`${absence?.why ?? "no driver is loaded here"}; CUDA ${demanded} needs ${newer}`, `install ${newer}`);
  const { version = "of unknown version", cuda } = driver;
  const supports = cuda === undefined ? "" : `, which supports CUDA ${cuda.isExact ? "" : "at least "}${cuda.version}`;
  const older = cuda === undefined ? "an older CUDA" : `CUDA ${cuda.version} or older`;
  return seen(
    `the image demands CUDA ${demanded}, the driver here is ${version}${supports}`,
    `install ${newer}, or use an image for ${older}`,
  );
}

/** Whether forward compatibility can work on the GPUs here. */
export function lookAtGpus(machine: Machine): Here {
  const host = machine.host();
  if (!host.isKnown) return unseen("the GPUs", host.why);
  const { gpus, driver, absence } = host.value;
  if (driver === undefined) return seen(absence?.why ?? "no driver is loaded here", absence?.remedy);
  const models = [...new Set(gpus.map(({ model }) => model))].join(", ");
  return seen(
    `the driver here is ${driver.version ?? "of unknown version"}, the GPUs are ${models === "" ? "none" : models}`,
  );
}
