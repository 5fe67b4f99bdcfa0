import type { CtkCommand } from "./ctk-command.ts";
import { CREATE_SYMLINKS } from "./ctk-system-links.ts";
import { CREATE_DEVICE_NODES } from "./ctk-system-nodes.ts";

/** `nvidia-ctk system` (peer-behaviour 1.9). */
export const SYSTEM: CtkCommand = {
  name: "system",
  usage: "Device nodes of this machine",
  subcommands: [CREATE_SYMLINKS, CREATE_DEVICE_NODES],
};
