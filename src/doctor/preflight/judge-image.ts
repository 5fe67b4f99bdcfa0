import { BerthError, compareVersions, type Problem } from "../../base/index.ts";
import type { Config } from "../../config/index.ts";
import type { Image } from "../../engines/index.ts";
import {
  conditionsHold,
  decide,
  gpusOf,
  policyOf,
  smallestDriver,
  type Decision,
  type Policy,
} from "../../grant/index.ts";
import { hasForwardCompatibility, smallestDriverFor, type Gpu, type Host } from "../../host/index.ts";
import { isWish, NO_CDI_FILES, readRequest, requestSettings, type Request } from "../../request/index.ts";
import { doubtGpus } from "./gpu-support.ts";
import { readImageFacts, type ImageFacts } from "./image-facts.ts";

export interface PreflightInput {
  readonly image: Image;
  readonly host: Host;
  readonly config: Config;
  /** As NVIDIA_VISIBLE_DEVICES has them; undefined: those that the image asks for, else all. */
  readonly gpus: string | undefined;
  /** This machine's, as Go names it: "amd64". */
  readonly architecture: string;
}

/** Whether a container of an image would start here, before it is tried. */
export interface Preflight {
  /** `unsure`: it depends on libraries that only the image's files show. */
  readonly verdict: "starts" | "refused" | "unsure";
  readonly facts: ImageFacts;
  /** Why it would be refused, or what it depends on. */
  readonly problem: Problem | undefined;
  /** The GPUs that it would get. */
  readonly gpus: readonly Gpu[];
  /** What would do, where the driver does not: undefined where no driver that is known would, or none is missing. */
  readonly smallestDriver: string | undefined;
  /** The newest CUDA of which images start here. */
  readonly newestCuda: string | undefined;
  /** A sentence for each thing that can go wrong after the start, or that is good to know. */
  readonly notes: readonly string[];
}

/** Holds an image's configuration against a host by the rules of a start. Throws what `readRequest` throws, and BERTH-R006. */
export function judgeImage(input: PreflightInput): Preflight {
  const { image, host, config } = input;
  const facts = readImageFacts(image);
  const policy = policyOf(config);
  const request = requestOf(input);
  const decision = decide(request, host, policy, { isImageSeen: false });
  const gpus = decision.kind === "granted" ? gpusOf(decision.grant) : host.gpus;
  const foreign = checkPlatform(image, input.architecture);
  const problem = foreign ?? (decision.kind === "refused" ? decision.problem : undefined);
  const verdict =
    problem === undefined ? "starts" : isUnsure(problem, { request, facts, gpus, policy, host }) ? "unsure" : "refused";
  return {
    verdict,
    facts,
    problem,
    gpus: decision.kind === "granted" ? gpus : [],
    smallestDriver:
      isAboutDriver(problem) && request.conditions.length > 0
        ? smallestDriver(request, gpus, host.driver?.version)
        : undefined,
    newestCuda: host.driver?.cuda?.version,
    notes: [
      ...warningsOf(decision),
      ...doubtGpus(facts, gpus),
      ...noteCompatibility(facts, { host, gpus }, problem),
      ...noteImage(facts),
    ],
  };
}

const DEVICES = "NVIDIA_VISIBLE_DEVICES";
const NOTHING: readonly string[] = ["", "void", "none"];

/** As `docker run --gpus` asks: whatever the configuration says of an environment that asks by itself. */
function requestOf({ image, config, gpus }: PreflightInput): Request {
  const own = image.env.findLast((entry) => entry.startsWith(`${DEVICES}=`))?.slice(DEVICES.length + 1);
  const named = gpus ?? (own === undefined || NOTHING.includes(own) ? "all" : own);
  // Which it gets is chosen when it starts; what is demanded is held against all that it could get.
  const devices = isWish(named) ? "all" : named;
  const settings = { ...requestSettings(config), acceptEnvWhenUnprivileged: true };
  const env = [...image.env, `${DEVICES}=${devices}`];
  return readRequest({
    env,
    boundingCapabilities: [],
    annotations: new Map(),
    mounts: [],
    cdiFiles: NO_CDI_FILES,
    settings,
  });
}

function checkPlatform({ name, architecture, os }: Image, wanted: string): Problem | undefined {
  const isForeign = (architecture !== undefined && architecture !== wanted) || (os !== undefined && os !== "linux");
  if (!isForeign) return undefined;
  const { code, message, remedy } = new BerthError({
    code: "BERTH-Q004",
    message: `Cannot start "${name}" with a GPU here: it is made for ${os ?? "linux"}/${architecture ?? "?"}, this machine is linux/${wanted}, and so are the driver's libraries`,
    remedy: `docker pull --platform linux/${wanted} IMAGE`,
  });
  return { code, message, remedy };
}

function isAboutDriver(problem: Problem | undefined): boolean {
  return problem?.code === "BERTH-R007" || problem?.code === "BERTH-D001";
}

interface Matter {
  readonly request: Request;
  readonly facts: ImageFacts;
  readonly gpus: readonly Gpu[];
  readonly policy: Policy;
  readonly host: Host;
}

/** Whether CUDA libraries of the image, if it has some as new as itself, would meet its conditions. */
function isUnsure(problem: Problem, { request, facts, gpus, policy, host }: Matter): boolean {
  if (problem.code !== "BERTH-R007" || facts.cuda === undefined || !policy.allowsForwardCompatibility) return false;
  if (gpus.some(({ brand }) => hasForwardCompatibility(brand) === false)) return false;
  return conditionsHold(request, { driver: host.driver?.version, cuda: facts.cuda, gpus }) !== "no";
}

function warningsOf(decision: Decision): readonly string[] {
  return decision.kind === "granted" ? decision.grant.warnings : [];
}

/** What an image whose CUDA is newer than the driver's gets and does not get. Source: CUDA Compatibility guide, "Minor Version Compatibility". */
function noteCompatibility(
  { cuda, compatPackage }: ImageFacts,
  { host: { driver }, gpus }: Pick<Matter, "host" | "gpus">,
  problem: Problem | undefined,
): readonly string[] {
  const supported = driver?.cuda;
  if (
    cuda === undefined ||
    supported === undefined ||
    compareVersions(cuda, supported.version) <= 0 ||
    !supported.isExact
  )
    return [];
  const isMinor = Number(major(cuda)) >= 11 && major(cuda) === major(supported.version);
  const first = smallestDriverFor(`${major(cuda)}.0`);
  const named =
    compatPackage === undefined ? "its configuration names none" : `its configuration names ${compatPackage}`;
  const start = problem === undefined ? "" : ", once NVIDIA_DISABLE_REQUIRE=1 lets it start";
  return [
    isMinor
      ? `CUDA ${cuda} on a driver for ${supported.version}: programs run by minor version compatibility${start}, but for what the driver has to compile (PTX) and what is new in ${cuda}`
      : `CUDA ${cuda} on a driver for ${supported.version}: programs do not run without forward compatibility; CUDA ${major(cuda)} begins with driver ${first ?? "of a newer branch"}`,
    ...(gpus.some(({ brand }) => hasForwardCompatibility(brand) === false)
      ? []
      : [
          `forward compatibility takes CUDA libraries in the image (/usr/local/cuda/compat), which only its files show; ${named}`,
        ]),
  ];
}

function noteImage({ needsVolumes }: ImageFacts): readonly string[] {
  return needsVolumes
    ? [
        "the image is made for the first nvidia-docker, whose volumes nobody has now: the driver's files come the usual way",
      ]
    : [];
}

function major(version: string): string {
  return version.split(".")[0] ?? "";
}
