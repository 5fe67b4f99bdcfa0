import type { Gpu } from "../../host/index.ts";
import { fail, ownCommand, pass, skip, warn, type Check, type Finding } from "../check.ts";
import type { Scene } from "../scene.ts";
import { count } from "../words.ts";

/** Of the GPU instance, and of the compute instance. */
const NODES_OF_A_DEVICE = 2;

export const mig: Check = {
  id: "mig",
  title: "MIG devices are made, and have their nodes",
  needs: ["driver-module"],
  run: async (scene) => {
    const { gpus, unit, driver } = scene.host();
    if (driver === undefined || unit !== undefined) return skip("there is no GPU that could be divided");
    const wanting = gpus.flatMap(listWanting);
    if (wanting.length > 0) return noNodes(scene, wanting);
    const divided = gpus.flatMap(({ migDevices }) => migDevices);
    // Whether MIG is on where nothing was made yet, only the driver says.
    const empty = scene.files.stat("/proc/driver/nvidia-caps/mig-minors") === undefined ? [] : await listEmpty(scene);
    if (empty.length > 0) {
      const which = empty.map((index) => `GPU ${index}`).join(", ");
      const cause = `MIG is on for ${which}, and no instance was made: no container can use it`;
      const remedy = `make instances: nvidia-smi mig -i ${empty[0]} -cgi 0 -C; or switch MIG off: nvidia-smi -i ${empty[0]} -mig 0`;
      return warn({ code: "BERTH-H015", cause, remedy });
    }
    return pass(divided.length === 0 ? "no GPU is divided" : count(divided.length, "MIG device"));
  },
};

function listWanting({ index, migDevices }: Gpu): readonly string[] {
  const wanting = migDevices.filter(({ nodes }) => nodes.length < NODES_OF_A_DEVICE);
  return wanting.map(
    ({ gpuInstance, computeInstance }) => `MIG device gi${gpuInstance} ci${computeInstance} of GPU ${index}`,
  );
}

function noNodes(scene: Scene, wanting: readonly string[]): Finding {
  const folder = scene.files.place("/dev/nvidia-caps");
  const cause = `nodes of ${wanting.slice(0, 3).join(", ")}${wanting.length > 3 ? " and others" : ""} are missing in "${folder}", or are other devices`;
  return fail({ code: "BERTH-D003", cause, remedy: ownCommand(scene, "nodes") });
}

async function listEmpty(scene: Scene): Promise<readonly number[]> {
  const answer = await scene.driverAnswer();
  if (answer.kind === "failed") return [];
  const { gpus } = answer.inventory;
  return gpus
    .filter(({ isMigEnabled, migDevices }) => isMigEnabled === true && migDevices.length === 0)
    .map(({ index }) => index);
}
