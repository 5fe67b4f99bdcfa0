import { BerthError } from "../../base/index.ts";
import { Root } from "../../linux/index.ts";
import { configReader } from "../config-reader.ts";
import { isPluginDisabled, readContainerd } from "../containerd-files.ts";
import type { RunningDocker } from "../running/docker.ts";
import type { SetupTarget } from "./setup-site.ts";

/**
 * Why an engine is not set up: it is another machine's, its file is somebody's who would write it again, or nobody but
 * Docker uses it and nobody named it. Undefined: it is.
 */
export function whyLeftAlone(target: SetupTarget, isNamed: boolean): BerthError | undefined {
  if (target.docker !== undefined) return dockerElsewhere(target.docker);
  if (target.isRemote === true) return clientElsewhere(target);
  return rewritten(target) ?? (isNamed ? undefined : dockersOnly(target));
}

function clientElsewhere({ engine, silence }: SetupTarget): BerthError {
  const why = silence === undefined ? "" : `, which does not answer either: ${silence}`;
  return new BerthError({
    code: "BERTH-G016",
    message: `Cannot set up ${engine}: its client speaks to another machine${why}`,
    remedy:
      engine === "docker"
        ? "run berth there, or: docker context use default"
        : "run berth there, or unset CONTAINER_HOST",
  });
}

function dockerElsewhere({ kind, endpoint, context, process }: RunningDocker): BerthError | undefined {
  if (kind === "rootless" && process === undefined) return othersDocker(endpoint);
  if (kind !== "desktop" && kind !== "remote") return undefined;
  const where = context === undefined ? `DOCKER_HOST is "${endpoint}"` : `its context is "${context}" ("${endpoint}")`;
  const [why, remedy] =
    kind === "desktop"
      ? [
          "Docker Desktop, whose virtual machine has no GPU of this machine",
          "use the engine of this machine: docker context use default",
        ]
      : ["a daemon that is not reached by a socket of this machine", "run berth there, or: docker context use default"];
  const message = `Cannot set up docker: its client speaks to ${why}: ${where}`;
  return new BerthError({ code: "BERTH-G016", message, remedy });
}

/** Whose file is not the machine's. */
function othersDocker(endpoint: string): BerthError {
  return new BerthError({
    code: "BERTH-G016",
    message: `Cannot set up docker: the daemon behind "${endpoint}" is another user's, without root`,
    remedy: "run berth setup as that user, or unset DOCKER_HOST",
  });
}

/** Distributions of Kubernetes that make their containerd's file anew at each start, from templates of their own (k3s docs, "Advanced options"). */
const WRITERS = [
  [
    "/rancher/k3s/",
    "k3s",
    "install berth, so that nvidia-container-runtime is in /usr/bin, and restart k3s, which finds it",
  ],
  [
    "/rancher/rke2/",
    "RKE2",
    "install berth, so that nvidia-container-runtime is in /usr/bin, and restart RKE2, which finds it",
  ],
  ["/snap/microk8s/", "MicroK8s", "add the runtime to /var/snap/microk8s/current/args/containerd-template.toml"],
] as const;

function rewritten({ engine, facts: { config = "" } }: SetupTarget): BerthError | undefined {
  const [, name, remedy] = WRITERS.find(([part]) => config.includes(part)) ?? [];
  if (name === undefined || remedy === undefined) return undefined;
  const message = `Cannot set up ${engine}: ${name} writes "${config}" itself at each start`;
  return new BerthError({ code: "BERTH-G016", message, remedy });
}

/** Docker's own packages switch the part off that others than Docker use; a restart would be for nothing. */
function dockersOnly({
  engine,
  fileRoot,
  facts: { config = "/etc/containerd/config.toml", release },
}: SetupTarget): BerthError | undefined {
  if (engine !== "containerd") return undefined;
  using root = Root.open(fileRoot);
  if (!isPluginDisabled(readContainerd(configReader(root), config, release))) return undefined;
  return new BerthError({
    code: "BERTH-G016",
    message: `"${config}" has its plugin for Kubernetes off, so it serves Docker alone`,
    remedy: "berth setup containerd does it all the same",
  });
}
