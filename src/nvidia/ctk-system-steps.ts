import { BerthError } from "../base/index.ts";
import { loadConfig } from "../config/index.ts";
import {
  loadModule,
  makeDeviceNodes,
  moduleCommand,
  moduleRoot,
  planControlNodes,
  type ModuleName,
  type PlannedNode,
} from "../host/index.ts";
import { isOn, textOf, type Flag } from "./command-line.ts";
import type { CtkCall } from "./ctk-command.ts";
import { insideOf } from "./driver-root.ts";

const MODULES: readonly ModuleName[] = ["nvidia", "nvidia-uvm", "nvidia-modeset"];

export const DRY_RUN: Flag = {
  kind: "boolean",
  name: "dry-run",
  env: ["DRY_RUN"],
  usage: "say what would be done and do nothing",
};

/** The root of the host that a call is about, as the configuration says. */
export function hostRoot({ values, world }: CtkCall): string {
  const named = textOf(values, "config");
  return loadConfig({ get: world.env }, named === "" ? world.configSlot : named).root;
}

/** Loads the driver's three modules in the root `driverRoot`; the first that fails ends the call. */
export function loadAllModules(call: CtkCall, driverRoot: string): void {
  const host = hostRoot(call);
  const root = moduleRoot(host, insideOf(host, driverRoot));
  for (const module of MODULES) {
    const isDryRun = isOn(call.values, DRY_RUN.name);
    if (isDryRun) call.info(`Running: ${moduleCommand(root, module).join(" ")}`);
    const problem = isDryRun ? undefined : loadModule(root, module);
    if (problem !== undefined) throw BerthError.from(problem);
  }
}

/** Makes the control nodes below `devRoot` that are not there. What is there stays as it is, whatever it is. */
export function makeControlNodes(call: CtkCall, devRoot: string): void {
  const root = hostRoot(call);
  const options = { devRoot: insideOf(root, devRoot), isDryRun: isOn(call.values, DRY_RUN.name) };
  const { nodes, missingModules } = planControlNodes(root, options);
  for (const node of nodes) if (node.state.kind !== "missing") sayWhatStays(call, node);
  const wanted = nodes.filter(({ state }) => state.kind === "missing").map((node) => ({ ...node, isManaged: true }));
  const { done, problems } = makeDeviceNodes(root, wanted, options);
  if (options.isDryRun)
    for (const { hostPath, mode, major, minor } of done)
      call.info(`Running: mknod --mode=0${mode.toString(8)} ${hostPath} c ${major} ${minor}`);
  for (const problem of problems) throw BerthError.from(problem);
  if (missingModules.length > 0) throw unknownNumbers("the control nodes", missingModules);
}

function sayWhatStays({ info, warn }: CtkCall, { hostPath, major, minor, state }: PlannedNode): void {
  if (state.kind === "occupied")
    warn(`Skipping: ${hostPath} should be the device ${major}:${minor}, but ${state.by} is in its place`);
  else info(`Skipping: ${hostPath} already exists`);
}

/** A BERTH-N006. */
export function unknownNumbers(what: string, drivers: readonly string[]): BerthError {
  const named = drivers.map((name) => `"${name}"`).join(" and ");
  const message = `Cannot name ${what}: "/proc/devices" has no ${named}, so the module is not loaded`;
  return new BerthError({
    code: "BERTH-N006",
    message,
    remedy: `modprobe ${drivers.find((name) => name !== "nvidia-caps") ?? "nvidia"}`,
  });
}
