import { BerthError } from "../../base/index.ts";
import { chooseTrial, runTrial, TRIAL_ENGINES, type TrialChoice, type TrialEngine } from "../../engines/index.ts";
import { fail, pass, skip, type Check, type Finding } from "../check.ts";
import { hasWay } from "../engines/docker-ways.ts";
import type { Scene } from "../scene.ts";
import { findTrialProblem, titleOfTrial } from "../selftest-problem.ts";
import { whyNotHere } from "../stand-ins.ts";
import { count } from "../words.ts";

const CUDA_MS = 60_000;
const CLIENT_MS = 10_000;

export const container: Check = {
  id: "container",
  title: "a container gets the GPUs, and CUDA starts in it",
  needs: ["config", "low-level-runtime", "mig", "cuda-init", "cgroups"],
  run: async (scene) => {
    const hindrance = whyNotHere(scene);
    if (hindrance !== undefined) return skip(hindrance);
    const choice = await choose(scene);
    return "kind" in choice ? choice : tryOne(scene, choice);
  },
};

/** The first engine that can be tried. */
async function choose(scene: Scene): Promise<TrialChoice | Finding> {
  const { root, env, executable } = scene;
  const whys: string[] = [];
  for (const engine of await listEngines(scene)) {
    try {
      return await chooseTrial({ engine, device: "all", executable, root, scene: { env, timeoutMs: CLIENT_MS } });
    } catch (thrown) {
      if (!(thrown instanceof BerthError) || thrown.code !== "BERTH-V007") throw thrown;
      whys.push(thrown.message);
    }
  }
  return skip(whys.join("; "));
}

/** A dockerd without a way to GPUs has a check of its own. Under another root only what is that host's: its dockerd, or the runtime alone. */
async function listEngines(scene: Scene): Promise<readonly TrialEngine[]> {
  const asked = await scene.docker();
  const isUsable = asked.isGood && hasWay(scene, asked.engine);
  const engines = scene.isHere ? TRIAL_ENGINES : (["docker", "runc"] as const);
  return engines.filter((engine) => engine !== "docker" || isUsable);
}

async function tryOne({ root, env, executable, cuda }: Scene, choice: TrialChoice): Promise<Finding> {
  const scene = { env, timeoutMs: CLIENT_MS };
  const trial = await runTrial({ ...choice, executable, root, scene, deadlineMs: CUDA_MS });
  const problem = findTrialProblem(trial, choice, await cuda());
  if (problem !== undefined)
    return fail({ code: problem.code, cause: problem.message, more: trial.warnings, remedy: problem.remedy });
  const gpus = trial.kind === "ran" ? trial.probe.gpus.length : 0;
  return pass(`${titleOfTrial(choice, undefined)}: ${count(gpus, "GPU")}`);
}
