import { BerthError, escapeControls, formatProblem, type Problem } from "../base/index.ts";
import {
  loadModule,
  makeCharLinks,
  makeDeviceNodes,
  moduleRoot,
  planCharLinks,
  planDeviceNodes,
  type CharLink,
  type Made,
  type ModuleName,
  type NodePlan,
  type PlannedNode,
} from "../host/index.ts";
import type { World } from "./context.ts";
import { noteWarnings } from "./note-warnings.ts";
import { findSite, type Site } from "./site.ts";

interface Flags {
  readonly links?: boolean;
  readonly loadModules?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

interface Outcome {
  readonly loaded: readonly ModuleName[];
  readonly nodes: readonly PlannedNode[];
  readonly links: readonly CharLink[];
  readonly problems: readonly Problem[];
  readonly warnings: readonly string[];
}

/**
 * `berth nodes`: makes what is missing of the driver's nodes and of the links to them. Throws the first thing that
 * could not be done, after all others were.
 */
export function makeNodes(this: World, flags: Flags): void {
  const site = findSite(this);
  const outcome = makeAll(site, flags);
  this.print(flags.json === true ? formatJson(outcome) : formatLines(outcome, flags.dryRun === true));
  noteWarnings(this, [...site.config.warnings, ...outcome.warnings]);
  const [first, ...others] = outcome.problems;
  for (const problem of others) this.note(`${formatProblem("berth", problem)}\n`);
  if (first !== undefined) throw BerthError.from(first);
}

function makeAll({ root, config }: Site, flags: Flags): Outcome {
  const isDryRun = flags.dryRun === true;
  const { loaded, problems, warnings } = load(root, config.driverRoot, flags);
  const plan = planDeviceNodes(root);
  const made: Made<PlannedNode> =
    flags.links === true ? { done: [], problems: [] } : makeDeviceNodes(root, plan.nodes, { isDryRun });
  const links = makeCharLinks(root, planCharLinks(root, devicesFor(root, plan, made, isDryRun)), { isDryRun });
  return {
    loaded,
    nodes: made.done,
    links: links.done,
    problems: [...problems, ...made.problems, ...links.problems],
    warnings: [...warnings, ...plan.warnings, ...(problems.length > 0 || isDryRun ? [] : complain(plan))],
  };
}

/** What a link may lead to: the nodes that are there now, or would be. */
function devicesFor(root: string, plan: NodePlan, made: Made<PlannedNode>, isDryRun: boolean): readonly PlannedNode[] {
  if (isDryRun) return plan.nodes.filter((node) => isThere(node) || made.done.includes(node));
  return planDeviceNodes(root).nodes.filter(isThere);
}

function isThere({ state }: PlannedNode): boolean {
  return state.kind === "there" || state.kind === "wrong-access";
}

/** Loads what is not loaded, where there is a GPU for it. Most machines need no nvidia-modeset: that it cannot be loaded is a warning. */
function load(root: string, driverRoot: string, flags: Flags): Pick<Outcome, "loaded" | "problems" | "warnings"> {
  const wanted = flags.loadModules === true ? modulesFor(planDeviceNodes(root)) : [];
  if (flags.dryRun === true) return { loaded: wanted, problems: [], warnings: [] };
  const [loaded, problems, warnings]: [ModuleName[], Problem[], string[]] = [[], [], []];
  for (const module of wanted) {
    const problem = loadModule(moduleRoot(root, driverRoot), module);
    if (problem === undefined) loaded.push(module);
    else if (module === "nvidia-modeset") warnings.push(problem.message);
    else problems.push(problem);
    // The others need it.
    if (problem !== undefined && module === "nvidia") break;
  }
  return { loaded, problems, warnings };
}

function modulesFor({ nodes, missingModules }: NodePlan): readonly ModuleName[] {
  if (nodes.length === 0 && missingModules.length === 0) return [];
  const hasModeset = nodes.some(({ path }) => path === "/dev/nvidia-modeset");
  return [...missingModules, ...(hasModeset ? [] : (["nvidia-modeset"] as const))];
}

function complain({ missingModules }: NodePlan): readonly string[] {
  return missingModules.map((module) => {
    return `the kernel module "${module}" is not loaded, so its device nodes cannot be made; remedy: berth nodes --load-modules`;
  });
}

function formatLines({ loaded, nodes, links }: Outcome, isDryRun: boolean): string {
  const say = (does: string, did: string): string => (isDryRun ? `would ${does}` : did);
  const lines = [
    ...loaded.map((module) => `${say("load", "loaded")} ${module}`),
    ...nodes.map((node) => {
      const { hostPath, major, minor, mode, uid, gid, state } = node;
      const verb = state.kind === "missing" ? say("make", "made") : say("mend", "mended");
      return `${verb} ${hostPath} (${major}:${minor}, mode 0${mode.toString(8)}, owner ${uid}:${gid})`;
    }),
    ...links.map(({ hostPath, target }) => `${say("link", "linked")} ${hostPath} -> ${target}`),
  ];
  return lines.map((line) => `${escapeControls(line)}\n`).join("");
}

function formatJson({ loaded, nodes, links, problems, warnings }: Outcome): string {
  const plain = {
    loaded,
    nodes: nodes.map(({ hostPath: path, major, minor, mode, uid, gid, state }) => {
      return { path, major, minor, mode, uid, gid, was: state.kind };
    }),
    links: links.map(({ hostPath: path, target, state }) => ({ path, target, was: state.kind })),
    problems: problems.map(({ code, message, remedy }) => ({ code, message, remedy })),
    warnings,
  };
  return `${JSON.stringify(plain, null, 2)}\n`;
}
