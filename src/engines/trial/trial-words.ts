import type { TrialEngine, TrialWay } from "./trial.ts";
import { INSIDE } from "./tree.ts";

/** A bind mount for reading. */
export interface TrialMount {
  readonly source: string;
  readonly target: string;
}

/** A trial container, ready to be started. */
export interface TrialContainer {
  readonly name: string;
  readonly how: TrialWay;
  readonly devices: string;
  readonly root: { readonly kind: "image"; readonly name: string } | { readonly kind: "folder"; readonly path: string };
  readonly mounts: readonly TrialMount[];
  /** What runs inside, with an absolute path first. */
  readonly command: readonly string[];
}

/** The image is not fetched: that takes minutes, and is nobody's wish here. */
const FIXED = ["--rm", "--network", "none", "--pull", "never", "--workdir", "/"];

/** What a container is granted beside its GPUs. */
const CAPABILITIES = "compute,utility";

/** The words that start a trial container with an engine's client; it is gone when it ends. runc has no such words: see trial-bundle.ts. */
export function trialWords(
  engine: Exclude<TrialEngine, "runc">,
  client: readonly string[],
  container: TrialContainer,
): readonly string[] {
  switch (engine) {
    case "docker":
      return [
        ...client,
        "run",
        ...dockerWords(container),
        ...runtimeOf(container, "--runtime"),
        ...imageWords(container),
      ];
    case "podman":
      return [
        ...client,
        ...runtimeOf(container, "--runtime"),
        "run",
        ...dockerWords(container),
        ...imageWords(container),
      ];
    case "containerd":
      return [...client, "run", "--rm", ...runtimeOf(container, "--runc-binary"), ...ctrWords(container)];
  }
}

/** Those that docker and podman share. */
function dockerWords({ name, mounts, how, devices }: TrialContainer): readonly string[] {
  return [
    ...FIXED,
    "--name",
    name,
    ...mounts.flatMap(({ source, target }) => ["--mount", `type=bind,source=${source},target=${target},readonly`]),
    ...(how.kind === "gpus" ? ["--gpus", devices === "all" ? "all" : `"device=${devices}"`] : []),
    ...(how.kind === "cdi" ? ["--device", how.device] : []),
    ...requestOf({ how, devices }).flatMap((variable) => ["--env", variable]),
  ];
}

/** An image's own entry point is nothing that is to run. */
function imageWords({ root, command }: TrialContainer): readonly string[] {
  const [program = "", ...args] = command;
  return root.kind === "folder" ? ["--rootfs", root.path, ...command] : ["--entrypoint", program, root.name, ...args];
}

function ctrWords({ name, mounts, how, devices, root, command }: TrialContainer): readonly string[] {
  return [
    ...mounts.flatMap(({ source, target }) => ["--mount", `type=bind,src=${source},dst=${target},options=rbind:ro`]),
    ...(how.kind === "cdi" ? ["--device", how.device] : []),
    ...requestOf({ how, devices }).flatMap((variable) => ["--env", variable]),
    ...(root.kind === "folder" ? ["--rootfs", root.path] : [root.name]),
    name,
    ...command,
  ];
}

function runtimeOf({ how }: TrialContainer, option: string): readonly string[] {
  return how.kind === "runtime" ? [option, how.name] : [];
}

/** The variables by which a container asks a runtime or docker's hook; a CDI device needs none. */
export function requestOf({ how, devices }: Pick<TrialContainer, "how" | "devices">): readonly string[] {
  const capabilities = `NVIDIA_DRIVER_CAPABILITIES=${CAPABILITIES}`;
  if (how.kind === "cdi") return [];
  return how.kind === "gpus" ? [capabilities] : [`NVIDIA_VISIBLE_DEVICES=${devices}`, capabilities];
}

/** An option is none: it would be the client's. */
const IMAGE_NAME = /^[A-Za-z0-9][\w./:@-]{0,511}$/;

/** Why a way is none of an engine's, or an image none; undefined: it is one. */
export function whyImpossible(engine: TrialEngine, how: TrialWay, image: string | undefined): string | undefined {
  if (image !== undefined && !IMAGE_NAME.test(image)) return `${JSON.stringify(image.slice(0, 64))} is no image's name`;
  if (engine === "runc" && image !== undefined) return "runc alone has no images";
  if (engine === "runc" && how.kind !== "runtime") return "runc alone gives no GPUs: a runtime does";
  if (engine === "containerd" && how.kind === "gpus")
    return "ctr run --gpus takes single indices, and a hook of its own";
  return undefined;
}

/** What runs inside: with the image's C library, or with the one that was brought along. */
export function trialCommand(deadlineMs: number, loader: string | undefined): readonly string[] {
  const words = [`${INSIDE}/berth`, "cuda-probe", "--with-toolkit", "--deadline-ms", String(deadlineMs)];
  if (loader === undefined) return words;
  return [`${INSIDE}/lib/${loader}`, "--library-path", `${INSIDE}/lib`, ...words, "--is-foreign"];
}
