import { BerthError } from "../../base/index.ts";
import { findTrialProblem } from "../../doctor/index.ts";
import {
  runTrial,
  type EngineWish,
  type PlannedSetup,
  type SetupSite,
  type TrialEngine,
  type TrialWay,
} from "../../engines/index.ts";
import { noteWarnings } from "../note-warnings.ts";
import type { World } from "../context.ts";
import { say } from "./print-plan.ts";

const CDI_DEVICE = "nvidia.com/gpu=all";

/**
 * Runs a container with all GPUs for each way that was set up. Throws what the first layer that fails is a case of; the
 * configuration stays as it was written.
 */
export async function tryContainer(world: World, site: SetupSite, { target, wish }: PlannedSetup): Promise<void> {
  const { engine, title } = target;
  if (engine === "cri-o") return say(world, title, "not tried: it starts containers only for Kubernetes");
  for (const how of waysOf(engine, wish)) {
    const { executable } = world;
    const env = (name: string): string | undefined => target.clientEnv[name] ?? world.env(name);
    const scene = { env, timeoutMs: site.scene.timeoutMs };
    const trial = await runTrial({ engine, how, devices: "all", executable, root: site.root, scene });
    noteWarnings(world, trial.warnings);
    const problem = findTrialProblem(trial, { engine, how, devices: "all" }, undefined);
    if (problem !== undefined)
      throw new BerthError({ ...problem, message: `${problem.message} (${title} is set up, and that stays)` });
    if (trial.kind === "ran")
      say(world, title, `a container ${nameOf(how)} has used CUDA on ${countGpus(trial.probe.gpus.length)}`);
  }
}

/** For docker and podman the name that they know now; for containerd's client the program. */
function waysOf(engine: TrialEngine, { runtime, cdi }: EngineWish): readonly TrialWay[] {
  const name = engine === "containerd" ? runtime?.path : runtime?.name;
  return [
    ...(name === undefined ? [] : [{ kind: "runtime", name } as const]),
    ...(cdi && engine !== "containerd" ? [{ kind: "cdi", device: CDI_DEVICE } as const] : []),
  ];
}

function nameOf(how: TrialWay): string {
  return how.kind === "cdi" ? `with the CDI device ${how.device}` : "with the runtime nvidia";
}

function countGpus(count: number): string {
  return count === 1 ? "one GPU" : `${count} GPUs`;
}
