import { basename, join, resolve } from "node:path";
import type { LeaseScene } from "../apply/index.ts";
import { effectiveUid, readEnv, readMountTable, readText, type LaunchRecord } from "../linux/index.ts";
import { cgroupFolders, cgroupsPath, type RuntimeArgs } from "../oci/index.ts";

/** One `create`, as far as leases have to do with it. */
interface Creation extends Pick<LeaseScene, "host" | "config" | "bundle"> {
  readonly args: RuntimeArgs;
  readonly record: LaunchRecord;
  /** The low-level runtime that this process becomes. */
  readonly lowLevel: string;
}

const MAX_BYTES = 1024 * 1024;

/** The lease is this process's until the low-level runtime, which it becomes, has made the container; whoever looks then finds init by the runtime's own state. */
export function leaseScene(creation: Creation): LeaseScene {
  const { host, config, bundle, args } = creation;
  const containerId = args.containerId ?? "";
  const process = {
    pid: globalThis.process.pid,
    isInit: false,
    stateFolder: stateFolderOf(creation),
    cgroups: findCgroups(creation),
  };
  return { host, config, bundle, containerId, process, executable: globalThis.process.execPath };
}

/** runc and crun: `--root`, else a folder of that name in /run, whatever the program is called; of a user in that user's own. */
function stateFolderOf({ args, record, lowLevel }: Creation): string {
  const own = effectiveUid() === 0 ? undefined : readEnv(record, "XDG_RUNTIME_DIR");
  const root = args.root || join(own || "/run", familyOf(lowLevel));
  return join(resolve(root), args.containerId ?? "");
}

/** "crun" of "/usr/bin/crun-1.21". */
function familyOf(lowLevel: string): string {
  const name = basename(lowLevel);
  return /runc|crun/.exec(name)?.[0] ?? name;
}

function findCgroups({ args, bundle, lowLevel }: Creation): readonly string[] {
  return cgroupFolders({
    path: cgroupsPath(bundle.spec),
    containerId: args.containerId ?? "",
    runtime: familyOf(lowLevel),
    isSystemd: args.isSystemdCgroup,
    mounts: readMountTable(),
    own: readText("/proc/self/cgroup", MAX_BYTES) ?? "",
  });
}
