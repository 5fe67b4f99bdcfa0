import { BerthError } from "../base/index.ts";
import { shorten } from "./shorten.ts";

/**
 * Refuses what Swarm says of a kind of which a node has a number and no names: the task then hears how many it was
 * given, which as an index would be the same GPU for each. A name is never a number (tried with 26.1: dockerd does not
 * start with one). Throws T007.
 */
export function refuseCount(name: string, value: string): void {
  if (!/^[1-9]\d*$/.test(value.trim())) return;
  const kind = name.replace(/^DOCKER_RESOURCE_/, "");
  throw new BerthError({
    code: "BERTH-T007",
    message: `Cannot give GPUs by ${shorten(`${name}=${value}`)}: Swarm says how many the task was given, and not which, as the node's "node-generic-resources" name none`,
    remedy: `name them there: berth setup swarm${kind === "NVIDIA-GPU" ? "" : ` --kind ${shorten(kind)}`}`,
  });
}
