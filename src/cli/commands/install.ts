import { buildCommand } from "@stricli/core";
import { text } from "./parameters.ts";

const PREFIX = text("The folder that it is installed in (/usr/local)", "DIR");

export const install = buildCommand({
  loader: async () => (await import("../install.ts")).installBerth,
  parameters: {
    flags: {
      prefix: PREFIX,
      asNvidia: {
        kind: "boolean",
        brief: "Put the names of the NVIDIA stack into PATH, in place of a toolkit that is there",
        optional: true,
      },
    },
  },
  docs: {
    brief: "Install this berth on the machine",
    fullDescription:
      "Puts executable, launchers, completions, manual pages, docs, systemd units and udev rules in place; each file is replaced in one step, so that it can be done while containers run. Nothing is enabled, and no engine's configuration changes. Where programs of an NVIDIA toolkit are found, their names stay in DIR/lib/berth/bin; with --as-nvidia they go into DIR/bin, too, and a file of the toolkit that is in the way is kept for berth uninstall to put back. An upgrade keeps to that until --no-as-nvidia. With --root before the command into another machine's file system.",
  },
});

export const uninstall = buildCommand({
  loader: async () => (await import("../uninstall.ts")).uninstallBerth,
  parameters: { flags: { prefix: PREFIX } },
  docs: {
    brief: "Take away what berth install has put in place",
    fullDescription:
      "Takes away what berth install has put in place, and nothing else: a file that was changed since stays and is named, one of a toolkit that was replaced comes back. What engines have been told about berth, and what berth knows of the machine in /run/berth and /var/lib/berth, stays.",
  },
});
