import { existsSync } from "node:fs";
import { messageOf, runProgram } from "../base/index.ts";
import type { Gpu, Host } from "../host/index.ts";
import { isUserNamespace } from "../linux/index.ts";

const MODPROBE = "/usr/bin/nvidia-modprobe";
const TIMEOUT_MS = 30_000;
const CONTROL_MINOR = 255;
const NEEDED = ["/dev/nvidiactl", "/dev/nvidia-uvm"];
const CAPABILITIES = "/proc/driver/nvidia/capabilities";

/** Whether the driver's modules are loaded and its nodes are there, as far as a container may need them. */
export function isReady({ driver, unit, controlNodes, gpus }: Host): boolean {
  if (unit !== undefined) return true;
  const hasControls = NEEDED.every((path) => controlNodes.some((node) => node.path === path));
  return (
    driver !== undefined && hasControls && gpus.every((gpu) => gpu.node !== undefined && accessFiles(gpu).length === 0)
  );
}

/** `prepareDriver` where something is missing, where it is to be done, and where the kernel lets anybody do it: not in a user namespace. */
export function readyHost(host: Host, isToLoad: boolean, describe: () => Host): ReturnType<typeof prepareDriver> {
  if (isReady(host) || !isToLoad || isUserNamespace()) return { host, complaints: [] };
  return prepareDriver(host, describe);
}

/**
 * Has the driver's own `nvidia-modprobe` load its modules and make the nodes that are missing, and describes the host anew with `describe`: after a boot nobody else may have done it, where no
 * X server and no persistence daemon runs. Gives back the host, and why something could not be done, a sentence each. Rule: libnvidia-container, `--load-kmods`.
 */
export function prepareDriver(
  host: Host,
  describe: () => Host,
): { readonly host: Host; readonly complaints: readonly string[] } {
  const { root } = host;
  if (!existsSync(root === "/" ? MODPROBE : `${root}${MODPROBE}`))
    return { host, complaints: [`"${MODPROBE}" is not there to load the driver's modules and make its nodes`] };
  // The modules first: before that nobody knows which GPUs there are.
  const modules = start(root, ["-u", "-c", String(CONTROL_MINOR)]);
  const loaded = describe();
  const minors = loaded.gpus.flatMap(({ node, minor }) => (node === undefined ? ["-c", String(minor)] : []));
  const files = loaded.gpus.flatMap((gpu) => accessFiles(gpu).flatMap((file) => ["-f", file]));
  const nodes = minors.length + files.length === 0 ? [] : start(root, [...minors, ...files]);
  const complaints = [...modules, ...nodes];
  return { host: minors.length + files.length === 0 ? loaded : describe(), complaints };
}

/** What stands for the MIG devices whose nodes are not all there. */
function accessFiles({ minor, migDevices }: Gpu): readonly string[] {
  return migDevices
    .filter(({ nodes }) => nodes.length < 2)
    .flatMap(({ gpuInstance, computeInstance }) => {
      const instance = `${CAPABILITIES}/gpu${minor}/mig/gi${gpuInstance}`;
      return [`${instance}/access`, `${instance}/ci${computeInstance}/access`];
    });
}

/** Runs it in the root where the driver is; gives back what went wrong. */
function start(root: string, words: readonly string[]): readonly string[] {
  const argv = [...(root === "/" ? [] : ["/usr/sbin/chroot", root]), MODPROBE, ...words];
  const doing = `"${MODPROBE} ${words.join(" ")}"`;
  try {
    const { exitCode, isTimedOut, stderr } = runProgram(argv, { env: {}, cwd: "/", timeoutMs: TIMEOUT_MS });
    if (exitCode === 0) return [];
    const why = isTimedOut ? "took too long" : `ended with ${exitCode ?? "a signal"}`;
    return [`${doing} ${why}: ${Buffer.from(stderr).toString().trim().slice(0, 500)}`];
  } catch (error) {
    return [`${doing} could not be started: ${messageOf(error)}`];
  }
}
