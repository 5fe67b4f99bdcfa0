import {
  carryOutChange,
  formatStep,
  openLiveContainer,
  planChange,
  refuseOwnNamespace,
  trimDriverProc,
  withStateFolder,
  type ChangeInput,
} from "../apply/index.ts";
import type { Config } from "../config/index.ts";
import type { Edits } from "../edits/index.ts";
import type { Host } from "../host/index.ts";
import { isUserNamespace } from "../linux/index.ts";
import type { Request } from "../request/index.ts";
import type { ConfigureCall } from "./cli-configure-call.ts";
import { cliGrant, cliRequest } from "./cli-request.ts";
import { readyHost } from "./prepare-driver.ts";
import { learnCliHost, loadCliHost, needsDriver, stateFolder, type CliSite } from "./cli-site.ts";

/**
 * Gives the container of a call its GPUs. Without --pid the caller is in the container's namespaces, as Apptainer and Enroot have it, and so is this process: its parent, which the
 * replaced program takes, can have ended, and the first process of the machine would stand for it. `log` takes one line.
 * Throws BerthError and PeerError. Rules: libnvidia-container, `configure`.
 */
export async function configureContainer(
  call: ConfigureCall,
  site: CliSite,
  log: (text: string) => void,
): Promise<void> {
  const request = cliRequest(call);
  const host = await findHost(call, site, log);
  // Whatever is refused here is refused in the words of the program that is replaced.
  cliGrant(call, request, { host, policy: site.policy });
  const pid = call.pid ?? process.pid;
  using container = openLiveContainer({ pid, rootfs: call.rootfs, spec: undefined, bundleDir: "/" });
  // Without --pid the caller has made the namespace that it is in.
  if (call.pid !== undefined) refuseOwnNamespace(container);
  await withStateFolder(stateFolder(site), (stateDir) => {
    const input = makeInput(call, { site, request, host, container, stateDir });
    const planned = planChange(input);
    for (const warning of planned.warnings) log(`warning: ${warning}`);
    for (const step of planned.plan.steps) log(formatStep(step));
    carryOutChange(input, planned, [trimDriverProc]);
  });
}

async function findHost(call: ConfigureCall, site: CliSite, log: (text: string) => void): Promise<Host> {
  const known = loadReady(call, site, log);
  if (!needsDriver(call.devices, known)) return known;
  const { host, complaints } = await learnCliHost(known, site, process.execPath);
  for (const text of complaints) log(text);
  return host;
}

function loadReady({ global }: ConfigureCall, site: CliSite, log: (text: string) => void): Host {
  const { host, complaints } = readyHost(loadCliHost(site), global.loadKmods, () => loadCliHost(site, true));
  for (const text of complaints) log(text);
  return host;
}

interface Parts extends Pick<ChangeInput, "container" | "stateDir"> {
  readonly site: CliSite;
  readonly request: Request;
  readonly host: Host;
}

function makeInput(call: ConfigureCall, { site, request, host, container, stateDir }: Parts): ChangeInput {
  return {
    container,
    containerId: `process-${container.process.pid}`,
    request,
    config: withCompat(site.config, call),
    policy: site.policy,
    loadHost: (isRefresh) => (isRefresh ? loadCliHost(site, true) : host),
    stateDir,
    // Without root the kernel lets nobody change device permissions, and none are set.
    hasCgroups: !call.noCgroups && !isUserNamespace(),
    select: (edits) => ({ ...edits, mounts: edits.mounts.filter((mount) => !isLeftOut(mount, call)) }),
    hasNodes: !call.noDevbind,
    now: new Date(),
  };
}

/** Where nothing is said the configuration decides; `mount` and `ldconfig` are one way here. */
function withCompat(config: Config, { compatMode }: ConfigureCall): Config {
  return compatMode === undefined ? config : { ...config, useForwardCompatibility: compatMode !== "disabled" };
}

function isLeftOut({ kind, containerPath }: Edits["mounts"][number], call: ConfigureCall): boolean {
  if (kind === "firmware") return call.noGspFirmware;
  if (kind !== "socket") return false;
  if (containerPath.includes("nvidia-persistenced")) return call.noPersistenced;
  return containerPath.includes("nvidia-fabricmanager") && call.noFabricmanager;
}
