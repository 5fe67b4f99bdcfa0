import { basename, resolve } from "node:path";
import { formatPlan, planContainer, type ContainerPlan, type PlannedContainer } from "../apply/index.ts";
import { BerthError, escapeControls } from "../base/index.ts";
import { findLowLevel, type Config } from "../config/index.ts";
import { describeHost, hostOptions } from "../host/index.ts";
import type { Grant } from "../grant/index.ts";
import { readBundle } from "../oci/index.ts";
import type { World } from "./context.ts";
import { noteWarnings } from "./note-warnings.ts";
import { findSite, type Site } from "./site.ts";

interface Flags {
  readonly bundle: string;
  readonly json?: boolean;
}

/** `berth inspect --bundle DIR`: what the runtime would do with this bundle now, each item with its reason. Writes nothing, not even a cache. */
export function printInspection(this: World, { bundle, json }: Flags): void {
  const dir = resolve(bundle);
  const site = findSite(this);
  const result = inspect(site, dir);
  if (json === true) this.print(`${JSON.stringify(toJson(result), null, 2)}\n`);
  else if (result.kind === "nothing")
    this.print(`Nothing: ${escapeControls(result.reason)}. config.json would stay as it is.\n`);
  else if (result.kind === "planned") this.print(formatPlan(result));
  else if (result.kind === "injected") this.print(`What CDI files say of ${result.devices.join(", ")}.\n`);
  noteWarnings(this, doubts(site, result, this));
  if (result.kind === "refused") throw new BerthError(result.problem);
}

/** What would go wrong or unseen beside the plan itself. */
function doubts({ config }: Site, result: ContainerPlan, { env, executable }: World): readonly string[] {
  const ignored = result.kind === "nothing" ? result.ignored : [];
  return [...config.warnings, ...ignored, ...runtimeFault(config, env("PATH"), executable)];
}

function runtimeFault({ runtimes: candidates }: Config, path: string | undefined, self: string): readonly string[] {
  try {
    findLowLevel({ candidates, path, self });
    return [];
  } catch (error) {
    return [`${BerthError.from(error).message}: no container would start`];
  }
}

function inspect({ root, stateDir, config }: Site, dir: string): ContainerPlan {
  const result = planContainer({
    bundle: readBundle(dir),
    containerId: basename(dir),
    stateDir,
    config,
    loadHost: () => describeHost(root, hostOptions(config)),
  });
  if (result.kind === "planned") result.rootfs.close();
  return result;
}

/** The stable JSON form: plain fields only. */
function toJson(result: ContainerPlan): unknown {
  switch (result.kind) {
    case "nothing":
      return { kind: result.kind, reason: result.reason, ignored: result.ignored };
    case "refused": {
      const { code, message, remedy } = result.problem;
      return { kind: result.kind, problem: { code, message, remedy } };
    }
    case "injected":
      return { kind: result.kind, devices: result.devices, warnings: result.warnings };
    case "planned":
      return { kind: result.kind, ...grantToJson(result.grant), ...stepsToJson(result) };
  }
}

function stepsToJson({ plan }: PlannedContainer): object {
  return { steps: plan.steps, warnings: plan.warnings };
}

function grantToJson(grant: Grant): object {
  const { driver, gpus, migDevices, unit, capabilities, imexChannels, features, migControl, compat } = grant;
  return {
    driver: driver.version ?? null,
    gpus: gpus.map(({ gpu, reason }) => {
      return { index: gpu.index, minor: gpu.minor, uuid: gpu.uuid ?? null, bus: gpu.bus, reason };
    }),
    migDevices: migDevices.map(({ parent, device, reason }) => {
      const { gpuInstance, computeInstance, uuid = null, index = null, profile = null } = device;
      return { parent: parent.index, gpuInstance, computeInstance, uuid, index, profile, reason };
    }),
    unit: unit === undefined ? null : { kind: unit.unit.kind, model: unit.unit.model, reason: unit.reason },
    capabilities,
    imexChannels: imexChannels.map(({ node, reason }) => ({ channel: node.minor, reason })),
    features: features.map(({ name, reason }) => ({ name, reason })),
    migControl: migControl.map(({ what, reason }) => ({ what, reason })),
    forwardCompatibility: compat === undefined ? null : { version: compat.libraries.version, reason: compat.reason },
  };
}
