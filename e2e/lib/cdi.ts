import { statSync } from "node:fs";
import { join } from "node:path";
import type { Spec, SpecHook } from "./bundle.ts";
import { must } from "./run.ts";
import type { SimHost } from "./sim-host.ts";

export interface CdiHook {
  readonly hookName: string;
  readonly path: string;
  readonly args: readonly string[];
  readonly env?: readonly string[];
  readonly timeout?: number;
}

export interface CdiEdits {
  readonly env?: readonly string[];
  readonly deviceNodes?: readonly { readonly path: string; readonly hostPath?: string }[];
  readonly mounts?: readonly {
    readonly hostPath: string;
    readonly containerPath: string;
    readonly options?: readonly string[];
  }[];
  readonly hooks?: readonly CdiHook[];
}

export interface CdiSpec {
  readonly cdiVersion: string;
  readonly kind: string;
  readonly devices: readonly { readonly name: string; readonly containerEdits: CdiEdits }[];
  readonly containerEdits?: CdiEdits;
}

/** Writes the CDI file of a simulated host, as a user does. */
export function writeCdi(host: SimHost, file: string, ...flags: readonly string[]): void {
  must([join(host.bin, "berth"), "cdi", "generate", "--output", file, ...flags]);
}

/** The CDI file of a simulated host, as data. */
export function readCdi(host: SimHost, ...flags: readonly string[]): CdiSpec {
  const spec: CdiSpec = JSON.parse(must([join(host.bin, "berth"), "cdi", "generate", "--format", "json", ...flags]));
  return spec;
}

/** The one hook of a CDI file. Throws where there is another number of them. */
export function onlyHook(cdi: CdiSpec): CdiHook {
  const hooks = [cdi, ...cdi.devices].flatMap(({ containerEdits }) => containerEdits?.hooks ?? []);
  const [hook] = hooks;
  if (hook === undefined || hooks.length !== 1) throw new RangeError(`${hooks.length} hooks`);
  return hook;
}

/** Gives a container devices of a CDI file as an engine does. Rule: the Container Device Interface, "CDI JSON Specification". */
export function inject(spec: Spec, cdi: CdiSpec, ...names: readonly string[]): void {
  const devices = names.map((name) => {
    const device = cdi.devices.find((each) => each.name === name);
    if (device === undefined) throw new RangeError(`no device "${name}"`);
    return device.containerEdits;
  });
  for (const edits of [...devices, cdi.containerEdits ?? {}]) apply(spec, edits);
}

function apply(spec: Spec, { env = [], deviceNodes = [], mounts = [], hooks = [] }: CdiEdits): void {
  const keys = new Set(env.map(keyOf));
  spec.process.env = [...spec.process.env.filter((line) => !keys.has(keyOf(line))), ...env];
  for (const { path, hostPath = path } of deviceNodes) addNode(spec, path, statSync(hostPath).rdev);
  spec.mounts.push(
    ...mounts.map(({ hostPath, containerPath, options = [] }) => {
      return { source: hostPath, destination: containerPath, type: "bind", options: [...options] };
    }),
  );
  const created = (spec.hooks ??= {}).createContainer ?? [];
  spec.hooks.createContainer = [...created, ...hooks.map(specHook)];
}

function specHook({ path, args, env, timeout }: CdiHook): SpecHook {
  return { path, args, ...(env === undefined ? {} : { env }), ...(timeout === undefined ? {} : { timeout }) };
}

function addNode({ linux }: Spec, path: string, device: number): void {
  const numbers = { major: (device >> 8) & 0xfff, minor: (device & 0xff) | ((device >> 12) & 0xfff00) };
  linux.devices = [...(linux.devices ?? []), { path, type: "c", ...numbers }];
  linux.resources.devices.push({ allow: true, access: "rwm", type: "c", ...numbers });
}

function keyOf(line: string): string {
  return line.slice(0, line.indexOf("="));
}
