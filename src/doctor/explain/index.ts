/**
 * Explains an error text of the container stack, offline: finds the decisive words under the layers that passed them
 * on, says what they mean and what mends it, with what this machine's files, and its dockerd, say of the cause. It
 * changes nothing. The texts are those that users paste into the trackers of Docker, podman, containerd and NVIDIA's
 * tools.
 */
export { explain, type Explanation, type KnownExplanation, type UnknownExplanation } from "./explain.ts";
export { formatExplanation } from "./format.ts";
export { openMachine, type Machine, type MachineOptions } from "./machine.ts";
export { MAX_TEXT } from "./paste.ts";
