import { isOn, textOf } from "./command-line.ts";
import type { CtkCall, CtkCommand } from "./ctk-command.ts";
import { DRY_RUN, loadAllModules, makeControlNodes } from "./ctk-system-steps.ts";

/** `nvidia-ctk system create-device-nodes`. */
export const CREATE_DEVICE_NODES: CtkCommand = {
  name: "create-device-nodes",
  usage: "Make the driver's control nodes that are missing",
  flags: [
    {
      kind: "text",
      name: "root",
      aliases: ["driver-root"],
      env: ["ROOT", "NVIDIA_DRIVER_ROOT", "DRIVER_ROOT"],
      default: "/",
      usage: "where the driver is, for its modules",
    },
    {
      kind: "text",
      name: "dev-root",
      env: ["NVIDIA_DEV_ROOT", "DEV_ROOT"],
      usage: "below which folder /dev is; without it the driver's root",
    },
    { kind: "boolean", name: "control-devices", usage: "make nvidiactl, nvidia-modeset, nvidia-uvm, nvidia-uvm-tools" },
    { kind: "boolean", name: "load-kernel-modules", usage: "load the driver's modules first" },
    DRY_RUN,
  ],
  run: createDeviceNodes,
};

function createDeviceNodes(call: CtkCall): void {
  const { values, info } = call;
  const root = textOf(values, "root") || "/";
  const devRoot = textOf(values, "dev-root") || root;
  if (isOn(values, "load-kernel-modules")) loadAllModules(call, root);
  if (!isOn(values, "control-devices")) return;
  info(`Creating control device nodes at ${devRoot}`);
  makeControlNodes(call, devRoot);
}
