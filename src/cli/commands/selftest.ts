import { buildCommand } from "@stricli/core";
import { parseStrictInteger } from "../../base/index.ts";
import { TRIAL_ENGINES } from "../../engines/index.ts";
import { text } from "./parameters.ts";

const MAX_SECONDS = 3600;

export const selftest = buildCommand({
  loader: async () => (await import("../selftest.ts")).selftest,
  parameters: {
    flags: {
      image: text("An image that the engine has, in place of a root file system from this machine", "IMAGE"),
      engine: {
        kind: "enum",
        values: TRIAL_ENGINES,
        brief: "Which starts the container (the first that is here)",
        optional: true,
      },
      device: text("Which GPUs it asks for (all): as NVIDIA_VISIBLE_DEVICES, or a CDI device", "WHAT"),
      timeout: {
        kind: "parsed",
        parse: parseSeconds,
        brief: "How long CUDA is waited for, on this machine and in the container (30)",
        placeholder: "SECONDS",
        optional: true,
      },
      json: { kind: "boolean", brief: "Print it as JSON", withNegated: false, optional: true },
    },
  },
  docs: {
    brief: "Prove layer by layer that a container can use CUDA",
    fullDescription:
      "First on this machine, then in a container that is started for it and removed again: the driver's library, its start, the devices, a context on each, memory that is written and read back, and the runtime and libraries of CUDA where the image has them. A line for each; ends with 1 at the first that fails, and says why. A GPU that does not answer is left alone in the end. With --json: isGood, host, container and problem; host and container.probe have layers (id, state, detail, code), cuda, gpus and libc; container is null where none was tried. What is not known is null.",
  },
});

function parseSeconds(word: string): number {
  const seconds = parseStrictInteger(word, MAX_SECONDS);
  if (seconds === undefined || seconds === 0) throw new RangeError(`it is no number from 1 to ${MAX_SECONDS}`);
  return seconds;
}

/** Started by `berth selftest`, on this machine and in a container; no user's business. */
export const cudaProbe = buildCommand({
  loader: async () => (await import("../cuda-probe.ts")).probeHere,
  parameters: {
    flags: {
      root: {
        kind: "parsed",
        parse: String,
        brief: "The folder to make the root first",
        placeholder: "DIR",
        default: "/",
      },
      withToolkit: { kind: "boolean", brief: "Its libraries, too", withNegated: false, optional: true },
      isForeign: { kind: "boolean", brief: "The loader is not the root's", withNegated: false, optional: true },
      deadlineMs: {
        kind: "parsed",
        parse: Number,
        brief: "In a child, for so long",
        placeholder: "MS",
        optional: true,
      },
    },
  },
  docs: { brief: "Try CUDA here" },
});
