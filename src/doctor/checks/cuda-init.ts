import { fail, pass, skip, type Check } from "../check.ts";
import { findLayerProblem } from "../selftest-problem.ts";
import { whyNotHere } from "../stand-ins.ts";
import { count } from "../words.ts";

export const cudaInit: Check = {
  id: "cuda-init",
  title: "CUDA starts on this machine",
  needs: ["driver-libraries", "device-nodes", "gpu-health"],
  run: async (scene) => {
    const hindrance = whyNotHere(scene);
    if (hindrance !== undefined) return skip(hindrance);
    const probe = await scene.cuda();
    const problem = findLayerProblem(probe, { kind: "host" });
    if (problem !== undefined) return fail({ code: problem.code, cause: problem.message, remedy: problem.remedy });
    const version = probe.cuda === undefined ? "" : `, CUDA ${probe.cuda}`;
    return pass(`${count(probe.gpus.length, "GPU")}${version}: a context was made`);
  },
};
