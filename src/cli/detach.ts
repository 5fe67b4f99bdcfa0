import { detach, type Detached } from "../apply/index.ts";
import { escapeControls } from "../base/index.ts";
import { describeHost, hostOptions } from "../host/index.ts";
import type { World } from "./context.ts";
import { noteWarnings } from "./note-warnings.ts";
import { hasCgroups, openContainer, readWords, requestGpus, type Named } from "./live-site.ts";
import { findSite } from "./site.ts";

interface Flags extends Named {
  readonly force?: boolean;
}

/** `berth detach`: takes GPUs from a container that runs. */
export function detachGpus(this: World, flags: Flags, ...words: readonly string[]): void {
  const { root, stateDir, config } = findSite(this);
  const { name, gpus } = readWords("detach", words, flags);
  const request = requestGpus(gpus, "all");
  const { containerId, container, title } = openContainer(name, flags, this);
  using _ = container;
  const detached = detach({
    container,
    containerId,
    request,
    host: describeHost(root, hostOptions(config)),
    config,
    stateDir,
    hasCgroups: hasCgroups(config),
    isForced: flags.force === true,
  });
  this.print(`${escapeControls(describe(detached, gpus, title))}\n`);
  noteWarnings(
    this,
    detached.holders.map(({ pid, command }) => `process ${pid} (${command}) still has it open`),
  );
}

function describe({ removed, takenBack }: Detached, asked: string, title: string): string {
  if (removed.length === 0) return `${title} has no GPU of "${asked}"`;
  const files = takenBack.length === 0 ? "" : `, nor the ${takenBack.length} files that were attached with it`;
  return `${title} does not have ${removed.join(", ")} any more${files}`;
}
