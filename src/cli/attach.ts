import { attach, isRecordOf, listAttachments, setDevices, type Attached, type Attachment } from "../apply/index.ts";
import { BerthError, escapeControls } from "../base/index.ts";
import { policyOf } from "../grant/index.ts";
import { describeHost, hostOptions } from "../host/index.ts";
import { ProcessHandle } from "../linux/index.ts";
import type { World } from "./context.ts";
import { noteWarnings } from "./note-warnings.ts";
import { hasCgroups, isForgetful, openContainer, readWords, requestGpus, type Named } from "./live-site.ts";
import { findSite, type Site } from "./site.ts";

interface Flags extends Named {
  readonly capabilities?: readonly string[];
  readonly restore?: boolean;
}

/** `berth attach`: GPUs for a container that runs, or with --restore the permissions that were given before, once more. */
export function attachGpus(this: World, flags: Flags, ...words: readonly string[]): void {
  const site = findSite(this);
  if (flags.restore === true) return restore(this, site, words);
  const { name, gpus } = readWords("attach", words, flags);
  const request = requestGpus(gpus, (flags.capabilities ?? []).join());
  const { containerId, container, title } = openContainer(name, flags, this);
  using _ = container;
  if (isForgetful(container))
    noteWarnings(this, [
      "systemctl daemon-reload will take the permission for this away again; berth attach --restore gives it back",
    ]);
  const attached = attach({
    container,
    containerId,
    request,
    config: site.config,
    policy: policyOf(site.config),
    loadHost: () => describeHost(site.root, hostOptions(site.config)),
    stateDir: site.stateDir,
    hasCgroups: hasCgroups(site.config),
    now: new Date(),
  });
  this.print(escapeControls(describe(attached, title)) + "\n");
  noteWarnings(this, attached.warnings);
}

function describe({ grant, added }: Attached, title: string): string {
  const gpus = grant.gpus.map(({ gpu }) => `GPU ${gpu.index}`);
  const parts = grant.migDevices.map(({ parent, device }) => {
    return `MIG device ${device.gpuInstance}/${device.computeInstance} of GPU ${parent.index}`;
  });
  const names = [...gpus, ...parts].join(", ");
  if (added.length === 0) return `${title} has ${names} already`;
  const nodes = added.filter((path) => path.startsWith("/dev/"));
  const files = added.length - nodes.length;
  return `${title} has ${names} now: ${[...nodes, ...(files > 0 ? [`${files} files of the driver`] : [])].join(", ")}`;
}

function restore(world: World, { stateDir }: Site, words: readonly string[]): void {
  const records = listAttachments(stateDir).filter(({ containerId }) => isMeant(containerId, words));
  if (records.length === 0) world.print("no container has anything to be restored\n");
  const failures = records.flatMap((record) => {
    try {
      world.print(`${escapeControls(restoreOne(record))}\n`);
      return [];
    } catch (error) {
      return [{ error, containerId: record.containerId }];
    }
  });
  // The first is the error of the whole command; what one container refuses is no reason to leave out the others.
  noteWarnings(
    world,
    failures.slice(1).map(({ error, containerId }) => `${containerId}: ${BerthError.from(error).message}`),
  );
  const [first] = failures;
  if (first !== undefined) throw first.error;
}

/** Without a word all containers; else those whose id begins with one. */
function isMeant(containerId: string, words: readonly string[]): boolean {
  return words.length === 0 || words.some((word) => word !== "" && containerId.startsWith(word));
}

function restoreOne(record: Attachment): string {
  const { containerId } = record;
  const devices = [...record.started, ...record.devices];
  using process = ProcessHandle.open(record.pid);
  if (process === undefined || !isRecordOf(record, process)) return `${containerId}: it has just ended`;
  setDevices(process.folder, devices, true);
  return `${containerId}: may use ${devices.map(({ path }) => path).join(", ")}`;
}
