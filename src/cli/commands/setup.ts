import { buildCommand } from "@stricli/core";
import { text } from "./parameters.ts";

const flag = (brief: string) => ({ kind: "boolean", brief, withNegated: false, optional: true }) as const;

export const setup = buildCommand({
  loader: async () => (await import("../setup.ts")).setUp,
  parameters: {
    positional: {
      kind: "array",
      parameter: {
        brief: "docker, containerd, podman or cri-o (all that are here); swarm offers the GPUs to Docker's Swarm",
        parse: String,
        placeholder: "ENGINE",
      },
    },
    flags: {
      default: flag("For containers that name no runtime, too"),
      cdi: flag("Make the CDI file, and switch CDI on where the engine's release needs it"),
      dryRun: flag("Show what would be written; write nothing"),
      restart: flag("Reload and restart what needs it, without a question"),
      noTrial: flag("Do not start a container to see whether it reaches a GPU"),
      undo: flag("Take everything back that berth setup has done"),
      runtime: text("The nvidia-container-runtime to name (the one that is installed with this berth)", "FILE"),
      kind: text("For swarm: what its services ask for (NVIDIA-GPU)", "NAME"),
    },
  },
  docs: {
    customUsage: [
      "[--default] [--cdi] [--runtime FILE] [--dry-run] [--restart] [--no-trial] [ENGINE]...",
      "swarm [--kind NAME] [--runtime FILE] [--dry-run] [--restart] [--no-trial]",
      "--undo [--dry-run] [--restart] [ENGINE|swarm]...",
    ],
    brief: "Tell the container engines of this machine about berth, and try it",
    fullDescription:
      "Asks the engines that run which files they use, shows the difference, writes it in one step each, lets the engine judge every file first, makes it take the file over (a reload where that is enough; at a terminal after a question; without a terminal a restart is only said, unless --restart is given), and runs a container with a GPU. An engine that does not come back gets its old file again. What was done is kept in /var/lib/berth/setup.json; --undo gives each file back byte for byte, or takes only berth's part out of one that was changed since.",
  },
});
