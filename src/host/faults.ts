import type { Problem } from "../base/index.ts";
import type { Host } from "./host.ts";
import { planDeviceNodes, type PlannedNode } from "./plan-nodes.ts";

/** Without which no program reaches the GPUs. */
const NEEDED_LIBRARIES = ["libcuda.so.1", "libnvidia-ml.so.1"];

/**
 * What is wrong with the driver's libraries: lost ones, none at all, none of those that everything needs. None of WSL
 * and Tegra, which have their own rules.
 */
export function listLibraryFaults({ missing, libraries, driver, unit }: Host): readonly Problem[] {
  if (driver === undefined || unit !== undefined) return [];
  const version = driver.version ?? "of unknown version";
  const remedy = `install the libraries of driver ${version} once more, with the package or the installer that they came from`;
  const fault = (message: string): Problem => ({ code: "BERTH-D002", message, remedy });
  const lost = missing.map(({ hostPath }) => fault(`"${hostPath}" no longer exists, and a link still leads to it`));
  const own = libraries.filter(({ architecture, isExplicit }) => architecture !== "i386" && !isExplicit);
  if (own.length === 0) return [...lost, fault(`no library of driver ${version} was found`)];
  const absent = NEEDED_LIBRARIES.filter((soname) => !own.some((library) => library.soname === soname));
  const unlike = absent.filter(
    (soname) => !missing.some(({ hostPath }) => hostPath.includes(`/${soname.split(".")[0]}.so`)),
  );
  const folder = driver.libraryFolders[0] ?? "";
  return [...lost, ...unlike.map((soname) => fault(`"${soname}" of driver ${version} is not in "${folder}"`))];
}

/** Something wrong with a node of GPUs or of control. */
export interface NodeFault {
  readonly message: string;
  /** Whether CUDA in containers fails for it. */
  readonly isFatal: boolean;
  /** Whether a module has to be loaded before the node can be made. */
  readonly needsModule: boolean;
}

/** Those of MIG and IMEX are of those who use them. */
const OTHERS = /^\/dev\/nvidia-caps/;
/** Without which CUDA works all the same. */
const OPTIONAL: ReadonlySet<string> = new Set(["/dev/nvidia-modeset", "/dev/nvidia-uvm-tools"]);

/**
 * What is wrong with the nodes that the driver should have: missing, another device, closed to others, or of a module
 * that is not loaded. None of WSL and Tegra.
 */
export function listNodeFaults(root: string): readonly NodeFault[] {
  const { nodes, missingModules } = planDeviceNodes(root);
  const own = nodes.filter(({ path }) => !OTHERS.test(path));
  const faults = own.flatMap((node) => faultOf(node) ?? []);
  if (own.length === 0 || !missingModules.includes("nvidia-uvm")) return faults;
  const message = 'the module "nvidia-uvm" is not loaded, and CUDA needs its nodes';
  return [...faults, { message, isFatal: true, needsModule: true }];
}

function faultOf(node: PlannedNode): NodeFault | undefined {
  const { path, hostPath, major, minor, mode, uid, gid, state } = node;
  const fault = { isFatal: !OPTIONAL.has(path), needsModule: false };
  switch (state.kind) {
    case "there":
      return undefined;
    case "missing":
      return { ...fault, message: `"${hostPath}" is missing` };
    case "occupied":
      return { ...fault, message: `"${hostPath}" is ${state.by}, and should be ${major}:${minor}` };
    case "wrong-access": {
      const is = `${octal(state.mode)} of ${state.uid}:${state.gid}`;
      const message = `"${hostPath}" is ${is}, and the driver wants ${octal(mode)} of ${uid}:${gid}: who is not root may be refused`;
      return { isFatal: false, needsModule: false, message };
    }
  }
}

function octal(mode: number): string {
  return `0${mode.toString(8)}`;
}
