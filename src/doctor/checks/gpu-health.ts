import { fail, pass, skip, warn, type Check } from "../check.ts";
import { listPciGpus } from "../../host/index.ts";
import { whyNotHere } from "../stand-ins.ts";
import { count } from "../words.ts";

const SEE_KERNEL =
  "dmesg | grep -e NVRM -e Xid says why; nvidia-smi -r -i N, or a reboot, brings it back if it is not broken";

export const gpuHealth: Check = {
  id: "gpu-health",
  title: "every GPU answers the driver",
  needs: ["driver-libraries", "device-nodes"],
  run: async (scene) => {
    const { gpus, unit } = scene.host();
    if (unit !== undefined) return skip("a GPU of this kind cannot be asked");
    const lost = listPciGpus(scene.root).filter(({ bus, driver }) => {
      return driver === "nvidia" && scene.files.stat(`/proc/driver/nvidia/gpus/${bus}`) === undefined;
    });
    if (lost.length > 0) {
      const place = scene.files.place("/proc/driver/nvidia/gpus");
      const cause = `the driver has lost ${lost.map(({ bus }) => `GPU ${bus}`).join(", ")}: it is bound to it, and not in "${place}"`;
      return fail({ code: "BERTH-H007", cause, remedy: SEE_KERNEL });
    }
    const hindrance = whyNotHere(scene);
    if (hindrance !== undefined) return skip(hindrance);
    const answer = await scene.driverAnswer();
    if (answer.kind === "failed") {
      const remedy =
        "nvidia-smi, then dmesg | grep -e NVRM -e Xid: what they say decides; a GPU that hangs needs a reboot";
      return fail({ code: "BERTH-H007", cause: `the driver could not be asked: ${answer.why}`, remedy });
    }
    const { skipped, gpus: told } = answer.inventory;
    const [sick, ...others] = skipped.map(({ index, why }) => `the driver's GPU ${index} does not answer: ${why}`);
    if (sick !== undefined) return fail({ code: "BERTH-H007", cause: sick, more: others, remedy: SEE_KERNEL });
    const moved = told.find(({ index, bus }) => gpus.some((gpu) => gpu.bus === bus && gpu.index !== index));
    if (moved === undefined) return pass(count(told.length, "GPU answers", "GPUs answer"));
    const here = gpus.find(({ bus }) => bus === moved.bus)?.index;
    const cause = `the driver counts differently: ${moved.bus} is its GPU ${moved.index}, and GPU ${here} of berth`;
    return warn({ code: "BERTH-H007", cause, remedy: "name GPUs by UUID, and report this as a defect of berth" });
  },
};
