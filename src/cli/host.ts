import { escapeControls } from "../base/index.ts";
import { describeHost, hostOptions, learn, rememberFacts, type Host } from "../host/index.ts";
import type { World } from "./context.ts";
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
  for (const warning of [...config.warnings, ...host.warnings, ...listFaults(host), ...complaints])
    this.note(`warning: ${escapeControls(warning)}\n`);
}

/** What a container's start would be refused for. */
function listFaults({ missing, libraries, controlNodes, driver, unit }: Host): readonly string[] {
  if (driver === undefined || unit !== undefined) return [];
  const lost = missing.map(({ hostPath }) => `"${hostPath}" no longer exists, and a link still leads to it`);
  const none =
    libraries.length === 0 ? [`no library of driver ${driver.version ?? "of unknown version"} was found`] : [];
  const nodes = NEEDED_NODES.filter(([path]) => !controlNodes.some((node) => node.path === path));
  return [
    ...lost,
    ...none,
    ...nodes.map(([path, remedy]) => `"${path}" is missing or is another device; remedy: ${remedy}`),
  ];
}

const NEEDED_NODES = [
  ["/dev/nvidiactl", "nvidia-modprobe"],
  ["/dev/nvidia-uvm", "nvidia-modprobe -u -c 0"],
] as const;

/** Whoever may not keep what is learnt only looks. */
async function look(host: Host, executable: string, isToLearn: boolean) {
  return isToLearn && host.gpus.length > 0 ? learn(host, executable) : { ...rememberFacts(host), complaints: [] };
}

/** Every field is always there: what is not known is null. */
function formatJson(host: Host): string {
  return `${JSON.stringify(host, (_, value: unknown) => value ?? null, 2)}\n`;
}
