import { BerthError, escapeControls, type Problem } from "../base/index.ts";
import {
  CHECKS,
  choose,
  examine,
  formatEnd,
  formatResult,
  resultsToJson,
  type Layout,
  type MendOptions,
  type SceneInput,
} from "../doctor/index.ts";
import { loadConfig } from "../config/index.ts";
import { askUser, canAsk, isColoured } from "./ask-user.ts";
import type { World } from "./context.ts";
import { findSite } from "./site.ts";

interface Flags {
  readonly json?: boolean;
  readonly fix?: boolean;
  readonly only?: readonly string[];
}

/** `berth doctor`: every check of the chain, a line each; ends with 1 when one has failed. */
export async function runDoctor(this: World, { json = false, fix = false, only = [] }: Flags): Promise<void> {
  const checks = choose(CHECKS, only);
  const layout: Layout = {
    hasColours: isColoured(this.env),
    idWidth: Math.max(...checks.map(({ id }) => id.length)),
  };
  const results = await examine(sceneOf(this), {
    checks,
    ...(json ? {} : { onResult: (result) => this.print(formatResult(result, layout)) }),
    ...(fix ? { mending: mendingOf(this) } : {}),
  });
  this.print(json ? `${JSON.stringify(resultsToJson(results), null, 2)}\n` : formatEnd(results, fixCommand(this)));
  // What is wrong has been said: no error is left to be printed.
  if (results.some(({ finding }) => finding.kind === "fail")) Object.assign(this.process, { exitCode: 1 });
}

function fixCommand({ namedRoot = "/" }: Pick<World, "namedRoot">): string {
  return ["berth", ...(namedRoot === "/" ? [] : ["--root", namedRoot]), "doctor", "--fix"].join(" ");
}

/** The host that is looked at. A configuration that cannot be used is a finding, and the defaults stand in for it. */
function sceneOf(world: World): SceneInput {
  const { env, executable } = world;
  try {
    return { ...findSite(world), configProblem: undefined, env, executable };
  } catch (thrown) {
    const problem: Problem = BerthError.from(thrown);
    if (problem.code !== "BERTH-C001" && problem.code !== "BERTH-C002") throw thrown;
    const root = world.namedRoot ?? "/";
    const config = loadConfig({ get: () => undefined }, "/dev/null/there-is-none");
    return { root, stateDir: `${root === "/" ? "" : root}/run/berth`, config, configProblem: problem, env, executable };
  }
}

function mendingOf({ note }: World): MendOptions {
  return {
    show: ({ check }, argv) => note(`${check.id}: running: ${escapeControls(argv.join(" "))}\n`),
    ask: canAsk() ? (question) => askUser(note, escapeControls(question)) : undefined,
  };
}
