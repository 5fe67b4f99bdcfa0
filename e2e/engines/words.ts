/** A daemon without a bridge gives no other network. */
export const NO_NETWORK = ["--network", "none"];

/** What a shell in the container runs to print the GPU nodes, as "nvidia3 nvidiactl"; "nvidia*" when there is none. */
export const LIST_NODES = "cd /dev && echo nvidia*";

/** The words of an engine's `run` that ask for GPUs; undefined: the container gets no such variable from the command line. */
export function askFor(devices: string | undefined): readonly string[] {
  return devices === undefined ? [] : ["--env", `NVIDIA_VISIBLE_DEVICES=${devices}`];
}
