import { basename, resolve } from "node:path";
import { formatPlan, planContainer, readRecorded, type ContainerPlan, type PlannedContainer } from "../apply/index.ts";
import { BerthError, escapeControls } from "../base/index.ts";
import { findLowLevel, type Config } from "../config/index.ts";
import { describeHost, hostOptions } from "../host/index.ts";
import type { Grant } from "../grant/index.ts";
import { explainChoice, hasLeaseStore, lookAtGpus, type Choice } from "../leases/index.ts";
import { readBundle } from "../oci/index.ts";
import { formatWish, type Wish } from "../request/index.ts";
import type { World } from "./context.ts";
import { formatVerdict } from "./lease/explain.ts";
import { findLeaseSite } from "./lease/lease-site.ts";
import { noteWarnings } from "./note-warnings.ts";
import { findSite, type Site } from "./site.ts";

type Wished = Extract<ContainerPlan, { kind: "wish" }>;

interface Flags {
  readonly bundle: string;
  readonly json?: boolean;
}

/** `berth inspect --bundle DIR`: what the runtime would do with this bundle now, each item with its reason. Writes nothing, not even a cache. */
export async function printInspection(this: World, { bundle, json }: Flags): Promise<void> {
  const dir = resolve(bundle);
  const site = findSite(this);
  const result = inspect(site, dir);
  const chosen = result.kind === "wish" ? await chooseNow(this, result.wish) : undefined;
  if (json === true) this.print(`${JSON.stringify(toJson(result, chosen), null, 2)}\n`);
  else if (result.kind === "wish") this.print(formatWished(result, chosen));
  else if (result.kind === "without")
    this.print(`No GPU, and it starts without one: ${escapeControls(result.reason)}\n`);
  else if (result.kind === "nothing")
    this.print(`Nothing: ${escapeControls(result.reason)}. config.json would stay as it is.\n`);
  else if (result.kind === "planned") this.print(formatPlan(result));
  else if (result.kind === "injected") this.print(`What CDI files say of ${result.devices.join(", ")}.\n`);
  noteWarnings(this, doubts(site, result, this));
  if (result.kind === "refused") throw new BerthError(result.problem);
}

/** What the lease store would choose now; nothing is taken. Undefined: nobody has leased a GPU of this host yet. */
async function chooseNow(world: World, wish: Wish): Promise<Choice | undefined> {
  const site = findLeaseSite(world);
  if (!hasLeaseStore(site.folder)) return undefined;
  const look = await lookAtGpus(site, { executable: world.executable, isUnchecked: site.terms.isUnchecked });
  return explainChoice(site, wish, look).choice;
}

function formatWished({ wish, request }: Wished, choice: Choice | undefined): string {
  const lines = choice?.verdicts.map((verdict) => formatVerdict(verdict, choice)) ?? ["Nobody has a lease yet."];
  const asked = escapeControls(request.devicesOrigin.text);
  return [`GPUs are chosen when it starts: ${formatWish(wish)} (${asked})`, ...lines, ""].join("\n");
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
  const [bundle, containerId] = [readBundle(dir), basename(dir)];
  const result = planContainer({
    bundle,
    containerId,
    recorded: readRecorded(bundle, containerId, config),
    stateDir,
    config,
    loadHost: () => describeHost(root, hostOptions(config)),
  });
  if (result.kind === "planned") result.rootfs.close();
  return result;
}

/** The stable JSON form: plain fields only. */
function toJson(result: ContainerPlan, choice: Choice | undefined): unknown {
  switch (result.kind) {
    case "wish":
      return {
        kind: result.kind,
        wish: formatWish(result.wish),
        chosen: choice?.devices?.map(({ key }) => key) ?? null,
      };
    case "without":
      return { kind: result.kind, reason: result.reason };
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
