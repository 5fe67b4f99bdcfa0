import { join } from "node:path";
import { BerthError } from "../base/index.ts";
import { identify, isPopulated, type Asking, type Here } from "../leases/index.ts";
import { effectiveUid, readText } from "../linux/index.ts";
import { readNames } from "./lease-names.ts";
import type { LeaseScene } from "./leases.ts";

const MAX_LABEL = 100;
const MAX_GROUP_BYTES = 1024 * 1024;

/** What the lease store is told of a container. Throws BERTH-A009 for a process that is gone. */
export function askerOf(
  { config, bundle, containerId, process }: LeaseScene,
  here: Here,
): Omit<Asking, "wish" | "ticket" | "userLimit"> {
  // Where somebody is in its group already, a container of that name runs still: this one is not going to be, and must not have its GPUs as long as that one lives.
  const cgroups = process.cgroups.filter((group) => !(process.isInit ? isOwnGroup(group) : isPopulated(group)));
  const owner = identify(process.pid, here, cgroups);
  if (owner === undefined) throw gone(containerId);
  const names = readNames(bundle, containerId);
  return {
    owner,
    uid: effectiveUid(),
    label: (names.name || containerId.slice(0, 12)).slice(0, MAX_LABEL),
    container: { id: containerId, state: process.stateFolder ?? "", ...names, user: "" },
    isBound: process.isInit,
    policy: config.leases.policy,
  };
}

/** Whether this hook is in it as well, as where the engine gives the container no group: it is the engine's then. */
function isOwnGroup(folder: string): boolean {
  const pids = (readText(join(folder, "cgroup.procs"), MAX_GROUP_BYTES) ?? "").split("\n");
  return [process.pid, process.ppid].some((pid) => pids.includes(`${pid}`));
}

function gone(containerId: string): BerthError {
  return new BerthError({
    code: "BERTH-A009",
    message: `Cannot lease a GPU to the container "${containerId}": its process has ended`,
    remedy: "start it again",
  });
}
