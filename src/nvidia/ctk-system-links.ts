import { resolve } from "node:path";
import { linksTo, listNvidiaDevices, listPossibleDevices, makeCharLinks, type NumberedDevice } from "../host/index.ts";
import { isOn, textOf } from "./command-line.ts";
import type { CtkCall, CtkCommand } from "./ctk-command.ts";
import { DRY_RUN, hostRoot, loadAllModules, makeControlNodes, unknownNumbers } from "./ctk-system-steps.ts";
import { insideOf } from "./driver-root.ts";

/** Of those that exist, these get links. */
const LINKED = /^\/dev\/(?:nvidia(?!-fs|-nvswitch|-nvlink)[^/]*|nvidia-caps\/nvidia-[^/]*)$/;

/** `nvidia-ctk system create-dev-char-symlinks`. */
export const CREATE_SYMLINKS: CtkCommand = {
  name: "create-dev-char-symlinks",
  usage: "Make the links by number to the driver's device nodes",
  flags: [
    {
      kind: "text",
      name: "dev-char-path",
      env: ["DEV_CHAR_PATH"],
      default: "/dev/char",
      usage: "the folder of the links",
    },
    {
      kind: "text",
      name: "driver-root",
      env: ["NVIDIA_DRIVER_ROOT", "DRIVER_ROOT"],
      default: "/",
      usage: "where the driver is, for its modules",
    },
    { kind: "boolean", name: "create-all", env: ["CREATE_ALL"], usage: "also links to nodes that may come to be" },
    {
      kind: "boolean",
      name: "load-kernel-modules",
      env: ["LOAD_KERNEL_MODULES"],
      usage: "load the driver's modules first; only with --create-all",
    },
    {
      kind: "boolean",
      name: "create-device-nodes",
      env: ["CREATE_DEVICE_NODES"],
      usage: "make the driver's control nodes first; only with --create-all",
    },
    DRY_RUN,
  ],
  run: createSymlinks,
};

function createSymlinks(call: CtkCall): void {
  const { values, info, warn } = call;
  const root = hostRoot(call);
  const devices = isOn(values, "create-all") ? preparePossible(call, root) : listExisting(call, root);
  const charFolder = resolve("/", insideOf(root, textOf(values, "dev-char-path") || "/dev/char"));
  const links = linksTo(root, devices, { charFolder, isAbsolute: true });
  const { done, problems } = makeCharLinks(root, links, { isDryRun: isOn(values, "dry-run") });
  for (const { hostPath, target } of done) info(`Creating link ${hostPath} => ${target}`);
  for (const { code, message, remedy } of problems) warn(`${code}: ${message}; remedy: ${remedy}`);
}

function listExisting({ values, warn }: CtkCall, root: string): readonly NumberedDevice[] {
  for (const name of ["load-kernel-modules", "create-device-nodes"])
    if (isOn(values, name)) warn(`${name} is only applicable when create-all is set; ignoring`);
  return listNvidiaDevices(root).filter(({ path }) => LINKED.test(path));
}

function preparePossible(call: CtkCall, root: string): readonly NumberedDevice[] {
  const { values } = call;
  if (isOn(values, "load-kernel-modules")) loadAllModules(call, textOf(values, "driver-root") || "/");
  if (isOn(values, "create-device-nodes")) makeControlNodes(call, "/");
  const { devices, missing } = listPossibleDevices(root);
  if (missing.length > 0) throw unknownNumbers("the devices of the driver", missing);
  return devices;
}
