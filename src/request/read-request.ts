import { BerthError, splitList } from "../base/index.ts";
import { isForFiles, isOwnKind, parseCdiName, type CdiFiles } from "./cdi-name.ts";
import { parseDeviceList } from "./device-list.ts";
import {
  FEATURE_NAMES,
  isLegacyImage,
  originOf,
  readCapabilities,
  readConditions,
  readDoubtful,
  readEnvironment,
  readFeatures,
  readMigControl,
  type Environment,
} from "./environment.ts";
import { parseImexChannels } from "./imex-channels.ts";
import type { Origin, Request } from "./request.ts";
import { GPUS_ANNOTATION, type RequestSettings } from "./settings.ts";
import { shorten } from "./shorten.ts";
import { refuseCount } from "./swarm-count.ts";
import { readVolumeMounts, type MountedRequest, type RequestMount } from "./volume-mounts.ts";
import { isWish } from "./wish.ts";

/** What of a container a request is read from. */
export interface RequestSource {
  /** `process.env` of the spec: `NAME=value` entries, the last one of a name counts. */
  readonly env: readonly string[];
  /** `process.capabilities.bounding` of the spec. */
  readonly boundingCapabilities: readonly string[];
  readonly annotations: ReadonlyMap<string, string>;
  readonly mounts: readonly RequestMount[];
  readonly settings: RequestSettings;
  /** What the machine's CDI files define. */
  readonly cdiFiles: CdiFiles;
  /** What the engine keeps of the container, where that stands in place of the variable. */
  readonly recorded?: Recorded | undefined;
  /** What the engine itself has put into the spec, whoever asked it: it counts before all else, and with every capability, as all that CDI devices bring. */
  readonly engaged?: Recorded | undefined;
}

/** A list of devices, and where it is written: `the label berth.gpus=any:2`. */
export interface Recorded {
  readonly list: string;
  readonly text: string;
}

const DEVICES = "NVIDIA_VISIBLE_DEVICES";
const IMEX = "NVIDIA_IMEX_CHANNELS";

/** Where devices were asked for: ids in one list. */
interface Asked {
  readonly list: string;
  readonly origin: Origin;
}

/**
 * What a container asks for: by CDI annotations, else by volume mounts, else by the annotation `berth.gpus` or what the engine keeps, else by its environment; the first of them that names a device decides alone.
 * What goes with the devices comes from the environment. Where the environment of an unprivileged container does not count, it is not even read for
 * wishes. Throws BERTH-R002, R005, R008, A001 and T007. Rule: the NVIDIA container stack's image protocol.
 */
export function readRequest(source: RequestSource): Request {
  const env = readEnvironment(source.env);
  const isPrivileged = source.boundingCapabilities.includes("CAP_SYS_ADMIN");
  const wishes = isPrivileged || source.settings.acceptEnvWhenUnprivileged ? env : NO_WISHES;
  const mounted = source.settings.acceptVolumeMounts ? readVolumeMounts(source.mounts) : NO_MOUNTS;
  const { asked, isOfEngine, ...annotated } = findAsked(source, wishes, mounted);
  const { cdiFiles, settings } = source;
  const isStrict = settings.defaultKind !== undefined;
  const list = parseDeviceList(withKind(asked.list, settings.defaultKind), (name) => {
    return isForFiles(name, cdiFiles, isStrict);
  });
  if (!isPrivileged && !isOfEngine) refuseManagement(list.cdiDevices, asked.origin);
  // Whoever asks for no device is not told what else is wrong with its variables.
  const isNothing = list.wants === "nothing";
  const imex = isNothing ? NO_CHANNELS : readImex(wishes, mounted);
  const conditions = readConditions(env);
  return {
    ...list,
    devicesOrigin: asked.origin,
    ...readCapabilities(env),
    ...(source.engaged === undefined ? {} : { capabilities: "all" as const }),
    imexChannels: imex.imexChannels,
    features: readFeatures(wishes),
    migControl: isNothing ? [] : readMigControl(wishes),
    ...conditions,
    compat: undefined,
    isPrivileged,
    warnings: [
      ...annotated.warnings,
      ...mounted.warnings,
      ...imex.warnings,
      ...conditions.warnings,
      ...readDoubtful(wishes),
    ],
    ignored: wishes === env ? [] : listIgnored(env, source),
  };
}

interface Found {
  readonly asked: Asked;
  /** It stands where only an engine writes. */
  readonly isOfEngine: boolean;
  readonly warnings: readonly string[];
}

/** Where the devices are asked for. `wishes` is empty where the environment does not count. */
function findAsked(source: RequestSource, wishes: Environment, mounted: MountedRequest): Found {
  const annotated = readAnnotations(source);
  const ofEngine = (source.engaged && recordedAs(source.engaged)) ?? annotated.asked;
  const own = wishes === NO_WISHES ? undefined : askedByName(source);
  const asked = ofEngine ?? askedByMounts(mounted) ?? own ?? askedByEnv(wishes, source.settings);
  return { asked, isOfEngine: asked === ofEngine, warnings: annotated.warnings };
}

const NO_WISHES: Environment = new Map();

/** The wishes of an environment that does not count; values that wish for nothing are none. */
function listIgnored(env: Environment, source: RequestSource): readonly string[] {
  const names = [DEVICES, ...source.settings.swarmResources, IMEX, ...FEATURE_NAMES];
  const wished = names.filter((name) => !["", "void", "none"].includes(env.get(name)?.trim() ?? ""));
  const own = askedByName(source);
  const texts = [...(own === undefined ? [] : [own.origin.text]), ...wished.map((name) => originOf(env, name).text)];
  return texts.map((text) => `${text} is not accepted from an unprivileged container`);
}

/** Asks what the variable asks, and counts where that does: an image can bring annotations and labels along as it does variables. */
function askedByName({ annotations, recorded }: RequestSource): Asked | undefined {
  const list = annotations.get(GPUS_ANNOTATION) ?? "";
  if (list.trim() !== "") {
    return { list, origin: { source: "annotation", text: shorten(`${GPUS_ANNOTATION}: ${list}`) } };
  }
  return recorded && recordedAs(recorded);
}

function recordedAs({ list, text }: Recorded): Asked {
  return { list, origin: { source: "engine", text: shorten(text) } };
}

const NO_MOUNTS: MountedRequest = { devices: [], imexChannels: [], warnings: [] };
const NO_CHANNELS: Pick<Request, "imexChannels" | "warnings"> = { imexChannels: [], warnings: [] };

/** Annotations in the order of their keys, without other vendors' devices. One name that is not qualified, and none of them counts: it is not CDI that is spoken there. */
function readAnnotations({ annotations, settings, cdiFiles }: RequestSource): {
  asked?: Asked;
  warnings: readonly string[];
} {
  const { annotationPrefixes, defaultKind } = settings;
  const entries = [...annotations].filter(([key]) => annotationPrefixes.some((prefix) => key.startsWith(prefix)));
  const names = entries.toSorted(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, value]) => splitList(value));
  const [key = ""] = entries[0] ?? [];
  if (names.length === 0) return { warnings: [] };
  const plain = names.find((name) => parseCdiName(name) === undefined);
  const ours = names.filter((name) => isOurs(name, cdiFiles));
  if (plain === undefined && ours.length === 0) return { warnings: [] };
  if (plain !== undefined && defaultKind === undefined) {
    return {
      warnings: [`the annotation "${shorten(key)}" does not count: "${shorten(plain)}" is no qualified CDI name`],
    };
  }
  return {
    asked: { list: ours.join(), origin: { source: "annotation", text: shorten(`${key}: ${ours.join()}`) } },
    warnings: [],
  };
}

/** Devices of other vendors that no file here defines are in annotations for the engine. */
function isOurs(name: string, files: CdiFiles): boolean {
  const cdi = parseCdiName(name);
  return cdi === undefined || isOwnKind(cdi.kind) || files.find(cdi) !== undefined;
}

/** A file of the kind `management.nvidia.com` gives every node of the driver: nothing that an image may ask for by itself. */
function refuseManagement(names: readonly string[], { text }: Origin): void {
  const name = names.find((each) => each.startsWith("management."));
  if (name === undefined) return;
  throw new BerthError({
    code: "BERTH-R008",
    message: `Cannot give the CDI device "${shorten(name)}" (${shorten(text)}): the container is not privileged`,
    remedy: "start it with --privileged (or --cap-add SYS_ADMIN), or give it by the engine: --device",
  });
}

function askedByMounts({ devices }: MountedRequest): Asked | undefined {
  if (devices.length === 0) return undefined;
  const text = shorten(`mounts in /var/run/nvidia-container-devices: ${devices.join()}`);
  return { list: devices.join(), origin: { source: "mount", text } };
}

/** Swarm resources that exist stand in place of the variable, even empty ones. */
function askedByEnv(env: Environment, { swarmResources }: RequestSettings): Asked {
  const swarm = swarmResources.filter((name) => env.has(name));
  for (const name of swarm) refuseCount(name, env.get(name) ?? "");
  const list =
    swarm.length > 0
      ? swarm.map((name) => env.get(name)).join()
      : (env.get(DEVICES) ?? (isLegacyImage(env) ? "all" : ""));
  return { list, origin: originOf(env, swarm[0] ?? DEVICES) };
}

/** In the mode `cdi` a name without a kind is one of the default kind. */
function withKind(list: string, defaultKind: string | undefined): string {
  const [first = ""] = splitList(list);
  if (defaultKind === undefined || isWish(parseCdiName(first)?.name ?? first)) return list;
  const special = ["all", "none", "void", "exclusive", "shared", "optional"];
  return splitList(list)
    .map((name) => (special.includes(name) || parseCdiName(name) !== undefined ? name : `${defaultKind}=${name}`))
    .join();
}

function readImex(env: Environment, { imexChannels }: MountedRequest): Pick<Request, "imexChannels" | "warnings"> {
  if (imexChannels.length === 0) return parseImexChannels([env.get(IMEX) ?? ""], originOf(env, IMEX));
  const text = shorten(`mounts in /var/run/nvidia-container-devices/imex: ${imexChannels.join()}`);
  return parseImexChannels(imexChannels, { source: "mount", text });
}
