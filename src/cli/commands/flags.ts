import { buildCommand } from "@stricli/core";
import { list, text } from "./parameters.ts";

export const flags = buildCommand({
  loader: async () => (await import("../flags.ts")).printFlags,
  parameters: {
    flags: {
      gpus: {
        kind: "parsed",
        parse: String,
        variadic: ",",
        brief: "Which GPUs, as NVIDIA_VISIBLE_DEVICES: all, none, 0,1, GPU-…, MIG-…",
        placeholder: "IDS",
      },
      capabilities: list("Parts of the driver, as NVIDIA_DRIVER_CAPABILITIES (compute,utility)", "NAMES"),
      podman: { kind: "boolean", brief: "For podman run", withNegated: false, optional: true },
      libraryFolder: text("The image's folder for the libraries (/usr/local/nvidia/lib64)", "DIR"),
      oneLine: { kind: "boolean", brief: "All on one line, for pasting", withNegated: false, optional: true },
      json: { kind: "boolean", brief: "Print the words as a JSON array", withNegated: false, optional: true },
    },
    aliases: { g: "gpus" },
  },
  docs: {
    brief: "Print the options by which docker run gives a container GPUs, with no toolkit installed",
    fullDescription:
      "For docker run $(berth flags -g 0) IMAGE. An option a line: --device for each node, --mount for each file under each of its names, --env, --group-add. Nothing is quoted, and what a shell would split or expand is refused. The libraries are in a folder that LD_LIBRARY_PATH names; with --library-folder /usr/lib/x86_64-linux-gnu (Debian, Ubuntu), /usr/lib64 (Fedora, RHEL, SUSE) or /usr/lib (Arch) they are where the image's loader looks by itself, and the variable is left alone. What cannot be had this way is a warning.",
  },
});
