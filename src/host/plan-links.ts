import { readlinkSync } from "node:fs";
import { posix, resolve } from "node:path";
import { locateNode, present, statNode } from "./device-nodes.ts";
import type { NodeOptions } from "./plan-nodes.ts";
import { isSimulated } from "./scene.ts";
import { listIfThere, lstatIfThere, onMachine, resolveInRoot } from "./tree.ts";

const CHAR_FOLDER = "/dev/char";

/** A device that a link by number should lead to. */
export interface NumberedDevice {
  /** "/dev/nvidia0" */
  readonly path: string;
  readonly major: number;
  readonly minor: number;
}

/** A link by which systemd finds a device for its number: without it `systemctl daemon-reload` takes the device from running containers. */
export interface CharLink {
  /** "/dev/char/195:0" */
  readonly path: string;
  /** On this machine. */
  readonly hostPath: string;
  /** What it should say: "../nvidia0". */
  readonly target: string;
  /** The node that it is for. */
  readonly device: NumberedDevice;
  readonly state: LinkState;
}

export type LinkState =
  | { readonly kind: "there" }
  | { readonly kind: "missing" }
  /** Leads to something else. */
  | { readonly kind: "wrong"; readonly target: string }
  /** Leads to nothing. */
  | { readonly kind: "dangling"; readonly target: string }
  /** No link is there but something else, which nobody but its owner should take away. */
  | { readonly kind: "occupied" };

/** What has links in each folder. Not nvidia-fs: udev knows it. */
const FOLDERS: readonly (readonly [folder: string, names: RegExp])[] = [
  ["/dev", /^nvidia(?!-fs)/],
  ["/dev/nvidia-caps", /^nvidia-/],
  ["/dev/nvidia-caps-imex-channels", /^channel\d+$/],
];

/**
 * Which links below /dev/char the machine under `root` should have, and what is at their places: those of `nodes`, and
 * of all other NVIDIA nodes that exist. udev makes none for them, as the driver announces no device. Rule: `nvidia-ctk
 * system create-dev-char-symlinks`.
 */
export function planCharLinks(
  root: string,
  nodes: readonly NumberedDevice[],
  options: NodeOptions = {},
): readonly CharLink[] {
  const known = new Set(nodes.map(({ path }) => path));
  const others = listNvidiaDevices(root, options).filter(({ path }) => !known.has(path));
  return linksTo(root, [...nodes, ...others], options);
}

export interface LinkOptions extends NodeOptions {
  /** The folder of the links; without it /dev/char. */
  readonly charFolder?: string;
  /** The links say "/dev/nvidia0", which is right in any folder. */
  readonly isAbsolute?: boolean;
}

/** The links of these devices, of two with one number that of the first. */
export function linksTo(
  root: string,
  devices: readonly NumberedDevice[],
  { devRoot = "", charFolder = CHAR_FOLDER, isAbsolute = false }: LinkOptions = {},
): readonly CharLink[] {
  const under = onMachine(resolve(root), resolve("/", devRoot));
  const byPath = new Map<string, CharLink>();
  for (const device of devices) {
    const path = `${charFolder}/${device.major}:${device.minor}`;
    if (byPath.has(path)) continue;
    const link = {
      path,
      hostPath: locateNode({ root: under }, path),
      target: isAbsolute ? device.path : posix.relative(charFolder, device.path),
      device,
    };
    byPath.set(path, { ...link, state: stateOf(under, link, isSimulated(resolve(root))) });
  }
  return [...byPath.values()];
}

/** The NVIDIA character devices that exist, by folder and name. */
export function listNvidiaDevices(root: string, { devRoot = "" }: NodeOptions = {}): readonly NumberedDevice[] {
  const folder = resolve(root);
  const under = onMachine(folder, resolve("/", devRoot));
  return FOLDERS.flatMap(([parent, names]) => {
    const real = resolveInRoot(under, parent);
    const found = real === undefined ? [] : (listIfThere(onMachine(under, real)) ?? []);
    return present(
      found
        .filter((name) => names.test(name))
        .toSorted()
        .map((name) => deviceAt(under, `${parent}/${name}`, isSimulated(folder))),
    );
  });
}

function deviceAt(under: string, path: string, isStandIn: boolean): NumberedDevice | undefined {
  const found = statNode(locateNode({ root: under }, path), isStandIn);
  return typeof found === "string" ? undefined : { path, major: found.major, minor: found.minor };
}

function stateOf(under: string, link: Omit<CharLink, "state">, isStandIn: boolean): LinkState {
  const stat = lstatIfThere(link.hostPath);
  if (stat === undefined) return { kind: "missing" };
  if (!stat.isSymbolicLink()) return { kind: "occupied" };
  const target = readlinkSync(link.hostPath);
  const end = posix.resolve(posix.dirname(link.path), target);
  const real = resolveInRoot(under, end);
  if (real === undefined) return { kind: "dangling", target };
  if (end === link.device.path) return { kind: "there" };
  const found = statNode(onMachine(under, real), isStandIn);
  const { major, minor } = link.device;
  const isRight = typeof found !== "string" && found.major === major && found.minor === minor;
  return isRight ? { kind: "there" } : { kind: "wrong", target };
}
