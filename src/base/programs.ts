/** The names of the NVIDIA container stack that berth serves. */
export const DROP_INS = [
  "nvidia-container-runtime",
  "nvidia-container-runtime.cdi",
  "nvidia-container-runtime.legacy",
  "nvidia-container-runtime-hook",
  "nvidia-container-toolkit",
  "nvidia-cdi-hook",
  "nvidia-container-cli",
  "nvidia-ctk",
  "nvidia-docker",
] as const;

/** Every name that the launcher stands under. */
export const PROGRAMS: readonly string[] = ["berth", ...DROP_INS];
