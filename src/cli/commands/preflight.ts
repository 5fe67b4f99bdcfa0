import { buildCommand } from "@stricli/core";
import { text } from "./parameters.ts";

export const preflight = buildCommand({
  loader: async () => (await import("../preflight.ts")).printPreflight,
  parameters: {
    positional: {
      kind: "tuple",
      parameters: [
        {
          brief:
            "An image that Docker or podman has, or the path of an OCI layout or of a file of docker save; PATH:TAG names one of several",
          parse: String,
          placeholder: "IMAGE",
        },
      ],
    },
    flags: {
      gpus: text("The GPUs that it is to get: index, UUID, PCI address, 0:1 for a MIG device (all)", "GPU"),
      engine: {
        kind: "enum",
        values: ["docker", "podman"],
        brief: "Whose image it is (both are asked)",
        optional: true,
      },
      json: { kind: "boolean", brief: "Print it as JSON", withNegated: false, optional: true },
    },
    aliases: { g: "gpus" },
  },
  docs: {
    brief: "Say whether an image's container would start here, without starting it",
    fullDescription:
      "Reads the image's configuration, no file of it, and holds it against this machine by the rules of a start. Where it would be refused it names the smallest driver that would do, and the CUDA of images that start here. Ends with 0 when it would start, else with 1. With --json: verdict (starts, refused, unsure), problem (code, message, remedy), smallestDriver, newestCuda, image (name, source, os, architecture, cuda, cudnn, codeFor, portableFrom, compatPackage, conditions), driver, gpus, notes. What is not known is null.",
  },
});
