import {
  describeHost,
  hostOptions,
  learn,
  listLibraryFaults,
  listNodeFaults,
  rememberFacts,
  type Host,
} from "../host/index.ts";
import type { World } from "./context.ts";
import { noteWarnings } from "./note-warnings.ts";
import { formatHost } from "./format-host.ts";
import { findSite } from "./site.ts";

interface Flags {
  readonly json?: boolean;
  readonly noLearn?: boolean;
}

/** `berth host`: what the machine has, for a reader or, with --json, for a program; learnt from the driver on the way. */
export async function printHost(this: World, { json, noLearn }: Flags): Promise<void> {
  const { root, config } = findSite(this);
  const options = hostOptions(config);
  const described = describeHost(root, options);
  const { learnt, complaints } = await look(described, this.executable, noLearn !== true);
  const host = describeHost(root, { ...options, learnt });
  this.print(json === true ? formatJson(host) : formatHost(host));
  noteWarnings(this, [...config.warnings, ...host.warnings, ...listFaults(host), ...complaints]);
}

/** What a container's start would be refused for. */
function listFaults(host: Host): readonly string[] {
  const nodes = listNodeFaults(host.root).filter(({ isFatal }) => isFatal);
  return [
    ...listLibraryFaults(host).map(({ message }) => message),
    ...nodes.map(
      ({ message, needsModule }) => `${message}; remedy: berth nodes${needsModule ? " --load-modules" : ""}`,
    ),
  ];
}

/** Whoever may not keep what is learnt only looks. */
async function look(host: Host, executable: string, isToLearn: boolean) {
  return isToLearn && host.gpus.length > 0 ? learn(host, executable) : { ...rememberFacts(host), complaints: [] };
}

/** Every field is always there: what is not known is null. */
function formatJson(host: Host): string {
  return `${JSON.stringify(host, (_, value: unknown) => value ?? null, 2)}\n`;
}
