import { join } from "node:path";
import type { World } from "./context.ts";

/** Where berth keeps what it knows of a host: under the root that it describes, so that two hosts never mix. */
export function stateFolder(world: Pick<World, "root">): string {
  return join(world.root, "run/berth");
}
