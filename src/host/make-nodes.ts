import { posix, resolve } from "node:path";
import { BerthError, errnoCode, messageOf, type Problem } from "../base/index.ts";
import { Root } from "../linux/index.ts";
import type { CharLink } from "./plan-links.ts";
import type { NodeOptions, PlannedNode } from "./plan-nodes.ts";
import { onMachine } from "./tree.ts";

export interface MakeOptions extends NodeOptions {
  /** Says what would be done and does nothing. */
  readonly isDryRun?: boolean;
}

/** What was done, or would be, and what could not be. */
export interface Made<T> {
  readonly done: readonly T[];
  readonly problems: readonly Problem[];
}

/**
 * Makes the nodes that are missing and mends the mode and owner of those that are otherwise than the driver wants, each
 * in one step. Something else in a node's place stays and is a problem (BERTH-N002), as is a driver that does not let
 * nodes be made (N003). Where nothing is to be done, nothing is opened.
 */
export function makeDeviceNodes(
  root: string,
  nodes: readonly PlannedNode[],
  options: MakeOptions = {},
): Made<PlannedNode> {
  const base = baseOf(root, options);
  return carryOut(nodes, (node) => {
    const { kind } = node.state;
    if (kind === "there" || (kind === "wrong-access" && !node.isManaged)) return false;
    if (node.state.kind === "occupied") throw isOccupied(node, node.state.by);
    if (!node.isManaged) throw isForbidden(node);
    if (options.isDryRun !== true) putNode(base, node);
    return true;
  });
}

/**
 * Makes the links that are missing and replaces those that lead elsewhere, each in one step. Links to nodes that are
 * not there are made, too: who does not want them leaves them out. What is no link stays and is a problem (BERTH-N004).
 */
export function makeCharLinks(root: string, links: readonly CharLink[], options: MakeOptions = {}): Made<CharLink> {
  const base = baseOf(root, options);
  return carryOut(links, (link) => {
    const { state } = link;
    if (state.kind === "there" || (state.kind === "dangling" && state.target === link.target)) return false;
    if (state.kind === "occupied")
      throw linkFault(link, "something that is no link is there", `ls -ld ${link.hostPath}`);
    if (options.isDryRun !== true) putLink(base, link);
    return true;
  });
}

function baseOf(root: string, { devRoot = "" }: NodeOptions): string {
  return onMachine(resolve(root), resolve("/", devRoot));
}

/** Does each; one that cannot be done does not keep the others from it. */
function carryOut<T>(items: readonly T[], act: (item: T) => boolean): Made<T> {
  const done: T[] = [];
  const problems: Problem[] = [];
  for (const item of items) {
    try {
      if (act(item)) done.push(item);
    } catch (error) {
      problems.push(BerthError.from(error));
    }
  }
  return { done, problems };
}

function putNode(base: string, node: PlannedNode): void {
  const { path, hostPath, state } = node;
  const name = `/${posix.basename(path)}`;
  const isPut = orFault(
    () => {
      using folder = openFolder(base, posix.dirname(path), "/dev");
      return state.kind === "missing" ? folder.makeNode(name, node) : folder.changeNode(name, node);
    },
    (why, remedy) => {
      const verb = state.kind === "missing" ? "make" : "change";
      const message = `Cannot ${verb} the device node "${hostPath}": ${why}`;
      return { code: "BERTH-N001", message, remedy: remedy ?? `ls -ld ${posix.dirname(hostPath)}` };
    },
  );
  if (!isPut) throw isOccupied(node, "something that was put there just now");
}

function putLink(base: string, link: CharLink): void {
  const { path, hostPath, target } = link;
  orFault(
    () => {
      using folder = openFolder(base, posix.dirname(path), "/");
      folder.replaceLink(`/${posix.basename(path)}`, target, { uid: 0, gid: 0 });
    },
    (why, remedy) => linkFault(link, why, remedy ?? `ls -ld ${posix.dirname(hostPath)}`),
  );
}

/**
 * A handle on a folder of a root. It is made where it is missing, but not what is at or above `existing`. Mounts on the
 * way are crossed, links stay in the root.
 */
function openFolder(base: string, path: string, existing: string): Root {
  using whole = Root.open(base);
  const found = whole.enter(path);
  if (found !== undefined) return found;
  if (path === existing || path === "/") throw new RangeError(`"${posix.join(base, path)}" does not exist`);
  using parent = openFolder(base, posix.dirname(path), existing);
  const name = `/${posix.basename(path)}`;
  parent.makeFolders(name, { uid: 0, gid: 0 });
  const made = parent.enter(name);
  if (made === undefined) throw new RangeError(`"${posix.join(base, path)}" is gone again`);
  return made;
}

const WHY: Readonly<Record<string, readonly [why: string, remedy: string]>> = {
  EPERM: ["the kernel does not permit it", "run it as root of the machine, outside of containers"],
  EACCES: ["the kernel does not permit it", "run it as root of the machine, outside of containers"],
  EROFS: ["the file system is read-only", "mount -o remount,rw /dev"],
  ENOSPC: ["the file system is full", "df /dev"],
};

/** What `act` gives; a failed call becomes a problem that says why in words. */
function orFault<T>(act: () => T, describe: (why: string, remedy: string | undefined) => Problem): T {
  try {
    return act();
  } catch (error) {
    const cause = error instanceof BerthError ? error.cause : error;
    const code = errnoCode(cause) ?? "";
    const [why, remedy] = WHY[code] ?? [messageOf(cause), undefined];
    throw new BerthError(describe(WHY[code] === undefined ? why : `${why} (${code})`, remedy), { cause: error });
  }
}

function isOccupied({ hostPath, major, minor }: PlannedNode, by: string): BerthError {
  const message = `Cannot make the device node "${hostPath}" (${major}:${minor}): ${by} is in its place`;
  return new BerthError({
    code: "BERTH-N002",
    message,
    remedy: `look at it, take it away, and try again: rm -d ${hostPath}`,
  });
}

function isForbidden({ hostPath }: PlannedNode): BerthError {
  const message = `Cannot make the device node "${hostPath}": the driver does not let programs make its nodes (ModifyDeviceFiles: 0 in its parameters)`;
  const remedy = "have udev make it, or load the driver with NVreg_ModifyDeviceFiles=1";
  return new BerthError({ code: "BERTH-N003", message, remedy });
}

function linkFault({ hostPath, target }: CharLink, why: string, remedy: string): BerthError {
  return new BerthError({
    code: "BERTH-N004",
    message: `Cannot make the link "${hostPath}" -> "${target}": ${why}`,
    remedy,
  });
}
