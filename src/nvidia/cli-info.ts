import { BerthError } from "../base/index.ts";
import type { Gpu, Host } from "../host/index.ts";
import { learnCliHost, loadCliHost, type CliSite } from "./cli-site.ts";

/** How the driver's brands are spelt where they are printed; a condition `brand=` is held against them without regard to case. */
const BRANDS: Readonly<Record<string, string>> = {
  quadro: "Quadro",
  tesla: "Tesla",
  nvs: "NVS",
  grid: "GRID",
  geforce: "GeForce",
  titan: "TITAN",
  vapps: "vApps",
  vpc: "vPC",
  vcs: "vCS",
  vws: "vWS",
  cloudgaming: "CloudGaming",
  quadrortx: "QuadroRTX",
  nvidiartx: "NvidiaRTX",
  nvidia: "Nvidia",
  geforcertx: "GeForceRTX",
  titanrtx: "TitanRTX",
};

/** As C prints a text that is not there: what scripts know from Tegra. */
const UNKNOWN = "(null)";

const DRIVER_LABELS = ["NVRM version", "CUDA version"];
const GPU_LABELS = ["Device Index", "Device Minor", "Model", "Brand", "GPU UUID", "Bus Location", "Architecture"];

/** The host with all that `info` prints, and why something of it is not known. The driver is asked only for what no file says. Throws BERTH-D001. */
export async function lookAtHost(
  site: CliSite,
  executable: string,
): Promise<{ readonly host: Host; readonly complaints: readonly string[] }> {
  const host = loadCliHost(site);
  if (host.driver === undefined) throw notLoaded(host);
  return host.gpus.length === 0 || isComplete(host) ? { host, complaints: [] } : learnCliHost(host, site, executable);
}

/** Label and value lines, a block for the driver and one for each GPU; or two blocks of comma-separated values, each with a line of its names. */
export function formatInfo(host: Host, isCsv: boolean): string {
  const driver = [host.driver?.version ?? UNKNOWN, host.driver?.cuda?.version ?? UNKNOWN];
  const gpus = host.unit === undefined ? host.gpus.map(gpuValues) : [unitValues(host.unit.model)];
  if (!isCsv) return [block(DRIVER_LABELS, driver), ...gpus.map((values) => block(GPU_LABELS, values))].join("\n");
  return `${[DRIVER_LABELS, driver].map(line).join("")}\n${[GPU_LABELS, ...gpus].map(line).join("")}`;
}

/** Everything but the MIG devices, which are not printed. */
export function isComplete({ driver, gpus }: Host): boolean {
  return (
    driver?.cuda?.isExact === true &&
    gpus.every(({ uuid, computeCapability, brand }) => {
      return uuid !== undefined && computeCapability !== undefined && brand !== "unknown";
    })
  );
}

function gpuValues({ index, minor, model, brand, uuid, bus, computeCapability }: Gpu): readonly string[] {
  const place = bus.replace(/^[0-9a-f]+/, (domain) => domain.padStart(8, "0"));
  return [
    String(index),
    String(minor),
    model,
    BRANDS[brand] ?? "Unknown",
    uuid ?? UNKNOWN,
    place,
    computeCapability ?? UNKNOWN,
  ];
}

function unitValues(model: string): readonly string[] {
  return ["0", "0", model, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN];
}

function block(labels: readonly string[], values: readonly string[]): string {
  return labels.map((label, at) => `${`${label}:`.padEnd(15)} ${values[at]}\n`).join("");
}

function line(values: readonly string[]): string {
  return `${values.join()}\n`;
}

function notLoaded({ absence }: Host): BerthError {
  const { why, remedy } = absence ?? { why: "the NVIDIA driver is not loaded", remedy: "modprobe nvidia" };
  return new BerthError({ code: "BERTH-D001", message: `Cannot say anything of the driver: ${why}`, remedy });
}
