import { buildCommand } from "@stricli/core";

const flag = (brief: string) => ({ kind: "boolean", brief, withNegated: false, optional: true }) as const;

export const nodes = buildCommand({
  loader: async () => (await import("../nodes.ts")).makeNodes,
  parameters: {
    flags: {
      links: flag("Only the links below /dev/char"),
      loadModules: flag("Load the driver's modules first where they are not loaded"),
      dryRun: flag("Say what would be done and do nothing"),
      json: flag("Print what was done as JSON"),
    },
  },
  docs: {
    brief: "Make the driver's device nodes, and the links to them below /dev/char",
    fullDescription:
      "Makes every node that the loaded driver should have, with the numbers, mode and owner that its own files say, and mends those that are otherwise; then the links by number below /dev/char, without which systemctl daemon-reload takes GPUs from running containers. One line for each thing done, none where all is there. What is no NVIDIA device but in a node's place stays and is an error. With --load-modules also modprobe of nvidia, nvidia-uvm and nvidia-modeset, where the machine has a GPU for them. With --json: loaded (names of modules), nodes (path, major, minor, mode, uid, gid, was), links (path, target, was), problems (code, message, remedy), warnings.",
  },
});
