import { listAttachments } from "../../apply/index.ts";
import { isOfSystemd } from "../../linux/index.ts";
import { fail, pass, warn, type Check } from "../check.ts";
import type { Scene } from "../scene.ts";
import { quoteSome } from "../words.ts";
import { runsSystemd } from "../systemd.ts";

/** As docker ps shows it. */
const SHORT_ID = 12;
const FOLDER = "/sys/fs/cgroup";

export const cgroups: Check = {
  id: "cgroups",
  title: "permissions to use devices can be given",
  run: (scene) => {
    const { files, config } = scene;
    const isV2 = files.stat(`${FOLDER}/cgroup.controllers`) !== undefined;
    const hasDevices = files.stat(`${FOLDER}/devices/cgroup.procs`) !== undefined;
    if (!isV2 && !hasDevices) {
      const cause = `"${files.place(FOLDER)}" has neither version 2 nor, of version 1, the hierarchy "devices": no engine can say which devices a container may use`;
      const remedy = "mount -t cgroup2 none /sys/fs/cgroup (or boot with systemd, which does it)";
      return fail({ code: "BERTH-H011", cause, remedy });
    }
    if (config.cli.noCgroups) {
      const cause = `"no-cgroups" is on in "${config.path}": docker run --gpus gives containers the nodes of GPUs, and not the permission to open them`;
      return warn({
        code: "BERTH-H011",
        cause,
        remedy: "set no-cgroups = false: for rootless containers berth leaves them alone by itself",
      });
    }
    const forgotten = listForgotten(scene);
    if (forgotten.length > 0) {
      const what = `${quoteSome(forgotten)} got GPUs when ${forgotten.length === 1 ? "it" : "they"} ran (docker run --gpus, berth attach)`;
      const cause = `${what}, and systemd keeps the control group: systemctl daemon-reload takes the permission away`;
      return warn({
        code: "BERTH-H004",
        cause,
        remedy:
          "berth attach --restore after a daemon-reload; or give GPUs by the runtime or by CDI, which systemd knows of",
      });
    }
    const isHybrid = !isV2 && files.stat(`${FOLDER}/unified/cgroup.controllers`) !== undefined;
    return pass(isV2 ? "version 2" : isHybrid ? "version 1, with version 2 beside it" : "version 1");
  },
};

/** The containers that live and have permissions which stand in no spec. */
function listForgotten({ files, stateDir, isRoot }: Scene): readonly string[] {
  // The records are root's.
  if (!isRoot || !runsSystemd(files)) return [];
  const late = listAttachments(stateDir).filter(({ started, devices }) => started.length + devices.length > 0);
  const ofSystemd = late.filter(({ pid }) => isOfSystemd(files.text(`/proc/${pid}/cgroup`) ?? ""));
  return ofSystemd.map(({ containerId }) => containerId.slice(0, SHORT_ID));
}
