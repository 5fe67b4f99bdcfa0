import { buildCommand } from "@stricli/core";

export const explain = buildCommand({
  loader: async () => (await import("../explain.ts")).printExplanation,
  parameters: {
    positional: {
      kind: "array",
      parameter: {
        brief: "The error's text in quotes, or a container's name or id; without any the text comes on stdin",
        parse: String,
        placeholder: "TEXT",
      },
    },
    flags: {
      engine: {
        kind: "enum",
        values: ["docker", "podman"],
        brief: "Whose container it is (both are asked)",
        optional: true,
      },
      json: { kind: "boolean", brief: "Print it as JSON", withNegated: false, optional: true },
    },
  },
  docs: {
    customUsage: ["[--engine docker|podman] [--json] [TEXT]..."],
    brief: "Say what an error of the container stack means, and what mends it here",
    fullDescription:
      "Works offline, on what Docker, podman, containerd, Kubernetes, NVIDIA's tools, CUDA and berth print, however many layers wrap it. Looks at this machine's files for the cause and changes nothing. Ends with 0 when the error is known, 1 when it is not. With --json: kind (known, unknown), id, row, title, speaker, layers, quote, cause, here (cause, remedy, isSeen; null: not looked at), remedy, page, others.",
  },
});
