import { bold, item, page, paragraph, section } from "./roff.ts";

/** What each name of the NVIDIA stack is for. */
const NAMES = [
  [
    "nvidia-container-runtime",
    "A runtime in place of runc: it gives a container the GPUs that it asks for, and becomes runc. Its options are those of runc.",
  ],
  ["nvidia-container-runtime.cdi, nvidia-container-runtime.legacy", "The same."],
  [
    "nvidia-container-runtime-hook, nvidia-container-toolkit",
    "The hook that docker run --gpus starts before the container's first program.",
  ],
  ["nvidia-cdi-hook", "The hook of CDI files."],
  ["nvidia-container-cli", "info, list and configure, for Apptainer, Enroot and hooks."],
  ["nvidia-ctk", "nvidia-ctk cdi and hook."],
  ["nvidia-docker", "docker, with the runtime nvidia added to run and create."],
] as const;

/** nvidia-container-runtime(1): the names that berth serves as a drop-in. */
export function namesPage(version: string): string {
  return page("nvidia-container-runtime", version, [
    section("NAME", "nvidia\\-container\\-runtime \\- the names of the NVIDIA container stack that berth serves"),
    section(
      "DESCRIPTION",
      paragraph(
        "Each of these is a small launcher that starts berth, which does what the program of that name does, with its options and its configuration.",
      ),
      ...NAMES.map(([names, text]) => item(names.split(", ").map(bold).join(", "), text)),
    ),
    section(
      "FILES",
      item("/etc/nvidia\\-container\\-runtime/config.toml", "The configuration. All of it has defaults."),
    ),
    section("SEE ALSO", `${bold("berth")}(1)`),
  ]);
}
