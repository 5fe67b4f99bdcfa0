import { escapeControls, type ErrorCode, type Problem } from "../base/index.ts";
import { failedLayer, NO_ANSWER, type Layer, type LayerId, type Probe } from "../cuda/index.ts";
import { GPUS_HOOK, type Trial, type TrialChoice, type TrialWay } from "../engines/index.ts";

/** Where CUDA was tried. */
export type Where = { readonly kind: "host" } | { readonly kind: "container"; readonly choice: TrialChoice };

const CODES: Readonly<Record<LayerId, ErrorCode>> = {
  library: "BERTH-V001",
  init: "BERTH-V002",
  devices: "BERTH-V003",
  context: "BERTH-V004",
  memory: "BERTH-V004",
  runtime: "BERTH-V005",
  libraries: "BERTH-V005",
};

/** What our own runtime or hook said, among the engine's words: it has a remedy already. */
const OWN_REFUSAL = /^(.*BERTH-[A-Z]\d{3}: .*?); remedy: (.*?)(?:: unknown)?$/;

const KERNEL = "see what the kernel says of the GPU: dmesg | grep -iE 'nvrm|xid'";
const MODULE = "load the module and make its node: nvidia-modprobe -u -c 0";

/** What the first layer that failed is a case of; undefined: CUDA can be used there. */
export function findLayerProblem(probe: Probe, where: Where): Problem | undefined {
  const layer = failedLayer(probe);
  if (layer === undefined) return undefined;
  const place = where.kind === "host" ? "on this machine" : `in ${titleOfTrial(where.choice, undefined)}`;
  return {
    code: layer.code === NO_ANSWER ? "BERTH-V008" : CODES[layer.id],
    message: `Cannot use CUDA ${place}: ${layer.detail}`,
    remedy: remedyOf(layer, probe, where),
  };
}

/** The same of a trial container; `host` is what this machine can, where the container was to get all of it. */
export function findTrialProblem(trial: Trial, choice: TrialChoice, host: Probe | undefined): Problem | undefined {
  if (trial.kind === "not-started") return notStarted(trial.why, choice);
  const problem = findLayerProblem(trial.probe, { kind: "container", choice });
  if (problem !== undefined) return problem;
  const [inside, outside] = [trial.probe.gpus.length, host?.gpus.length ?? 0];
  if (inside < outside) return lacksGpus(inside, outside, choice);
  return trial.probe.libc === "musl" ? forMusl() : undefined;
}

function notStarted(why: string, { engine, how }: TrialChoice): Problem {
  const isMissing = /no such image|not known|not found in|does not exist locally/i.test(why) && /image/i.test(why);
  const fetch = `fetch the image first: ${engine === "containerd" ? "ctr images pull" : `${engine} pull`} IMAGE`;
  const [, ours, mends] = OWN_REFUSAL.exec(why) ?? [];
  return {
    code: "BERTH-V006",
    message: `Cannot start a container of ${engine}: ${ours ?? why}`,
    remedy: mends ?? (isMissing ? fetch : remedyOfWay(how)),
  };
}

function lacksGpus(inside: number, outside: number, choice: TrialChoice): Problem {
  return {
    code: "BERTH-V003",
    message: `Cannot use all GPUs in ${titleOfTrial(choice, undefined)}: CUDA counts ${inside} there, and ${outside} on this machine`,
    remedy: remedyOfWay(choice.how),
  };
}

/** The driver's libraries name versions of glibc's symbols, which musl has not. */
function forMusl(): Problem {
  return {
    code: "BERTH-V009",
    message:
      "Cannot use CUDA with programs of this image: it has musl, and NVIDIA's driver is made for glibc alone; the GPUs themselves can be reached",
    remedy: "use an image with glibc, as Debian, Ubuntu or Fedora have it",
  };
}

/** What is usually wrong with a way to GPUs. */
function remedyOfWay(how: TrialWay): string {
  switch (how.kind) {
    case "cdi":
      return "look into the machine's CDI files: berth cdi check";
    case "gpus":
      return `berth setup docker (--gpus alone needs ${GPUS_HOOK} in the PATH that dockerd was started with)`;
    case "runtime":
      return "see what the runtime says: debug in config.toml names its log file";
  }
}

function remedyOf({ id, code, detail }: Layer, { cuda }: Probe, where: Where): string {
  if (code === NO_ANSWER) return KERNEL;
  const number = /\((\d+)\)$/.exec(code ?? "")?.[1];
  const known = number === undefined ? undefined : remedyOfCode(number, cuda);
  return known ?? remedyOfLayer(id, detail, where);
}

function remedyOfLayer(id: LayerId, detail: string, where: Where): string {
  switch (id) {
    case "library":
      return where.kind === "host" ? "install the driver once more, then: ldconfig" : remedyOfWay(where.choice.how);
    case "init":
      return detail.includes("nvidia-uvm") ? remedyOfMemoryNode(where) : KERNEL;
    case "devices":
      return "see which GPUs there are: berth host";
    case "context":
    case "memory":
      return KERNEL;
    case "runtime":
    case "libraries":
      return "mend the image: the driver itself works";
  }
}

/** An engine's own file may hold a major that was drawn anew since; a runtime looks at each start. */
function remedyOfMemoryNode(where: Where): string {
  if (where.kind === "container" && where.choice.how.kind === "cdi") return "make the CDI file anew: berth cdi refresh";
  return MODULE;
}

function remedyOfCode(number: string, cuda: string | undefined): string | undefined {
  switch (number) {
    case "2":
      return "see who uses the GPU's memory: nvidia-smi";
    case "34":
      return "take the toolkit's folder of stubs out of LD_LIBRARY_PATH";
    case "35":
      return `use an image whose CUDA is not newer than ${cuda ?? "the driver's"}, or a newer driver`;
    case "46":
      return "end the process that has the GPU for itself, or let several use it: nvidia-smi -c DEFAULT";
    case "100":
      return "see which GPUs there are: berth host";
    case "802":
      return "start what joins the GPUs: systemctl start nvidia-fabricmanager";
    case "803":
      return "load the module of the driver that is installed: reboot";
    case "804":
      return "take /usr/local/cuda/compat out of the image: this GPU is none for forward compatibility";
    default:
      return undefined;
  }
}

/** "a container of docker with the runtime nvidia, devices all, image x" */
export function titleOfTrial({ engine, how, devices }: TrialChoice, image: string | undefined): string {
  const from = image === undefined ? "" : `, image ${image}`;
  return escapeControls(`a container of ${engine} ${wayOf(how, devices)}${from}`);
}

function wayOf(how: TrialChoice["how"], devices: string): string {
  switch (how.kind) {
    case "runtime":
      return `with the runtime ${how.name}, devices ${devices}`;
    case "gpus":
      return `with --gpus ${devices}`;
    case "cdi":
      return `with the CDI device ${how.device}`;
  }
}
