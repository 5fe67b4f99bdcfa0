import { join } from "node:path";
import { BerthError } from "../../base/index.ts";
import { locateConfig } from "../../config/index.ts";
import { swarmDevices, type SetupSite, type SwarmDevice, type SwarmWish } from "../../engines/index.ts";
import { describeHost, hostOptions, type Host } from "../../host/index.ts";
import type { World } from "../context.ts";
import { noteWarnings } from "../note-warnings.ts";
import { findSite } from "../site.ts";

/** The kind that most guides to GPUs in a Swarm use. */
const KIND = "NVIDIA-GPU";
const CONFIG = "etc/nvidia-container-runtime/config.toml";

/** What Swarm is to offer of a host: each GPU, and of a GPU that MIG splits its MIG devices. Throws T006 and U001. */
export function swarmWishOf(world: World, site: SetupSite, kind = KIND): SwarmWish {
  const { config } = findSite(world);
  if (!config.acceptEnvWhenUnprivileged) noteWarnings(world, [NOT_ACCEPTED]);
  const devices = listDevices(describeHost(site.root, hostOptions(config)));
  return { kind: checkKind(kind), devices, runtimeConfig: placeOfConfig(world, site) };
}

const NOT_ACCEPTED =
  "accept-nvidia-visible-devices-envvar-when-unprivileged is false in config.toml: a task of Swarm can ask in no other way, and gets no GPU";

/** It is a part of a variable's name, and of a list with commas. */
function checkKind(kind: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(kind)) return kind;
  throw new BerthError({
    code: "BERTH-U001",
    message: `Cannot offer GPUs to Swarm as ${JSON.stringify(kind.slice(0, 64))}: a kind has letters, digits, "-", "_" and "." and nothing else`,
    remedy: `--kind ${KIND}, as it is without --kind`,
  });
}

/** As the engine's files are named: those of an image of a machine below its root. */
function placeOfConfig({ namedRoot, env, configSlot }: World, { root, isOnMachine }: SetupSite): string {
  if (!isOnMachine) return `/${CONFIG}`;
  const isElsewhere = namedRoot !== undefined && namedRoot !== "/";
  return isElsewhere ? join(root, CONFIG) : locateConfig({ get: env }, configSlot);
}

function listDevices(host: Host): readonly string[] {
  const { root, unit, absence } = host;
  if (unit !== undefined)
    throw cannot(`the GPU of "${root}" has no UUID`, "start its containers without Swarm: docker run --runtime=nvidia");
  if (host.gpus.length === 0) {
    const why = absence === undefined ? `there is no GPU under "${root}"` : absence.why;
    throw cannot(why, absence?.remedy ?? "berth doctor");
  }
  return swarmDevices(host).map(uuidOf);
}

function uuidOf({ uuid, what }: SwarmDevice): string {
  if (uuid !== undefined) return uuid;
  throw cannot(`the UUID of ${what} is not known`, "berth host, which asks the driver for it");
}

function cannot(why: string, remedy: string): BerthError {
  return new BerthError({ code: "BERTH-T006", message: `Cannot offer GPUs to Swarm: ${why}`, remedy });
}
