import { findLines } from "../../cdi/index.ts";
import { accessSync, constants, statSync, type Stats } from "node:fs";
import { errnoCode } from "../../base/index.ts";
import type { CdiDeviceNode, CdiEdits, CdiHook, CdiMount, CdiSpec } from "../../cdi/index.ts";
import { splitDeviceNumber } from "../../linux/index.ts";
import type { CdiFinding } from "./finding.ts";

/** A CDI file that could be read. */
export interface CheckedFile {
  readonly path: string;
  readonly text: string;
  readonly spec: CdiSpec;
  /** The command that makes it anew. */
  readonly remedy: string;
  /** Whether plain files may stand in for device nodes, as on a simulated host. */
  readonly hasStandIns: boolean;
}

/** A value of the file that does not hold on this machine. */
interface Dead extends Pick<CdiFinding, "severity" | "code" | "message"> {
  /** By which its lines are found. */
  readonly value: string;
}

/**
 * The lines of a file that no container can use: nodes, files and hooks that are not there, or are something else. As an engine would find them: a node whose type
 * and number the file says need not exist (container-device-interface, pkg/cdi/container-edits_unix.go), and a mount's source only for a bind mount.
 */
export function checkLines(file: CheckedFile): readonly CdiFinding[] {
  const edits = [file.spec.containerEdits, ...file.spec.devices.map(({ containerEdits }) => containerEdits)];
  const dead = new Map(edits.flatMap((each) => deadOf(each, file)).map((each) => [each.message, each]));
  return [...dead.values()].map(({ value, ...rest }) => {
    const [line, ...moreLines] = findLines(file.text, value);
    return { ...rest, line, moreLines, isDeadPath: rest.severity === "error", remedy: file.remedy };
  });
}

function deadOf({ deviceNodes, mounts, hooks }: CdiEdits, file: CheckedFile): readonly Dead[] {
  return [
    ...deviceNodes.flatMap((node) => checkNode(node, file)),
    ...mounts.flatMap(checkMount),
    // A hook of this stage is a program of the container.
    ...hooks.filter(({ hookName }) => hookName !== "startContainer").flatMap(checkHook),
  ];
}

function checkNode(node: CdiDeviceNode, { hasStandIns }: CheckedFile): readonly Dead[] {
  const value = node.hostPath ?? node.path;
  const stats = lookAt(value);
  const message = typeof stats === "string" ? whyMissing(node, value, stats) : whyOther(node, value, stats);
  const isStandIn = hasStandIns && typeof stats !== "string" && stats.isFile();
  return message === undefined || isStandIn ? [] : [{ severity: "error", code: "BERTH-D003", value, message }];
}

function whyMissing(node: CdiDeviceNode, path: string, why: string): string | undefined {
  return hasNumber(node) && node.type !== undefined ? undefined : `the device node "${path}" ${why}`;
}

function whyOther(node: CdiDeviceNode, path: string, stats: Stats): string | undefined {
  if (!stats.isCharacterDevice() && !stats.isBlockDevice() && !stats.isFIFO()) return `"${path}" is not a device node`;
  const { major, minor } = splitDeviceNumber(stats.rdev);
  if (!hasNumber(node) || (major === node.major && minor === (node.minor ?? 0))) return undefined;
  return `"${path}" is device ${major}:${minor} here, and ${node.major}:${node.minor ?? 0} in the file`;
}

/** 0:0 stands for no number. */
function hasNumber({ major, minor = 0 }: CdiDeviceNode): boolean {
  return major !== undefined && (major !== 0 || minor !== 0);
}

function checkMount({ hostPath, type, options }: CdiMount): readonly Dead[] {
  const isBind =
    type === undefined || type === "" || type === "bind" || options.some((option) => /^r?bind$/.test(option));
  const stats = isBind ? lookAt(hostPath) : undefined;
  if (typeof stats !== "string") return [];
  return [{ severity: "error", code: "BERTH-D002", value: hostPath, message: `"${hostPath}" ${stats}` }];
}

function checkHook({ path, env }: CdiHook): readonly Dead[] {
  const stats = lookAt(path);
  const dead = (message: string): Dead => ({ severity: "error", code: "BERTH-D002", value: path, message });
  const gone = typeof stats === "string" ? [dead(`the hook "${path}" ${stats}`)] : [];
  const unfit =
    typeof stats !== "string" && !isProgram(path, stats) ? [dead(`the hook "${path}" cannot be executed`)] : [];
  const message = `the hook "${path}" has no env: runc before 1.3 gives it the image's, as root`;
  const open = env.length === 0 ? [{ severity: "warning", value: path, message } as const] : [];
  return [...gone, ...unfit, ...open];
}

function isProgram(path: string, stats: Stats): boolean {
  if (!stats.isFile()) return false;
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch (thrown) {
    if (errnoCode(thrown) === undefined) throw thrown;
    return false;
  }
}

/** What is there, or why it cannot be used, as the end of a sentence. */
function lookAt(path: string): Stats | string {
  try {
    return statSync(path);
  } catch (thrown) {
    const code = errnoCode(thrown);
    if (code === "ENOENT" || code === "ENOTDIR") return "does not exist";
    if (code === undefined) throw thrown;
    return `cannot be looked at (${code})`;
  }
}
