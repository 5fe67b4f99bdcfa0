import { printOut } from "../base/index.ts";
import { readRegistry } from "../cdi/index.ts";
import { listOf } from "./command-line.ts";
import type { CtkCall, CtkCommand } from "./ctk-command.ts";

/** `nvidia-ctk cdi list` (peer-behaviour 1.7): what is wrong with a file is a warning, the exit code is 0. */
export const CDI_LIST: CtkCommand = {
  name: "list",
  usage: "List the CDI devices of this machine",
  flags: [
    {
      kind: "list",
      name: "spec-dir",
      env: ["NVIDIA_CTK_CDI_SPEC_DIRS"],
      default: ["/etc/cdi", "/var/run/cdi"],
      usage: "a folder of CDI files; of two the later one wins",
    },
  ],
  run: listDevices,
};

function listDevices({ values, info, warn }: CtkCall): void {
  const { devices, problems } = readRegistry(listOf(values, "spec-dir"));
  for (const { code, message, remedy } of problems) warn(`${code}: ${message}; remedy: ${remedy}`);
  info(`Found ${devices.size} CDI devices`);
  printOut([...devices.keys()].map((name) => `${name}\n`).join(""));
}
