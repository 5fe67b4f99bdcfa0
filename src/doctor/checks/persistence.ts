import { askProgram } from "../ask-program.ts";
import { hereOnly, pass, skip, warn, type Check } from "../check.ts";
import type { Scene } from "../scene.ts";
import { runsSystemd } from "../systemd.ts";

const UNIT = "nvidia-persistenced.service";
const UNIT_FOLDERS = ["/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"];
const DEADLINE_MS = 15_000;

export const persistence: Check = {
  id: "persistence",
  title: "the driver stays initialised",
  needs: ["driver-module"],
  run: async (scene) => {
    const { gpus, files } = scene.host();
    if (gpus.length === 0) return skip("there is no GPU that could be kept initialised");
    const socket = files.find(({ kind, path }) => kind === "socket" && path.includes("nvidia-persistenced"));
    if (socket !== undefined) return pass(`nvidia-persistenced, by its socket "${socket.hostPath}"`);
    if (await isInPersistenceMode(scene)) return pass("persistence mode is on, without nvidia-persistenced");
    const cause = `nvidia-persistenced does not run (no "${scene.files.place("/run/nvidia-persistenced/socket")}"): the first use of an idle GPU takes 1 to 3 seconds for each`;
    return warn({ code: "BERTH-H005", cause, remedy: startIt(scene) });
  },
};

function startIt(scene: Scene) {
  const { files } = scene;
  const hasUnit = UNIT_FOLDERS.some((folder) => files.stat(`${folder}/${UNIT}`) !== undefined);
  if (!hasUnit || !runsSystemd(files)) return "start nvidia-persistenced, or: nvidia-smi -pm 1";
  return hereOnly(scene, ["systemctl", "enable", "--now", UNIT]);
}

/** No file says it: the driver's own program is asked; it is this machine's, so only for this machine. */
async function isInPersistenceMode({ isHere, host }: Scene): Promise<boolean> {
  const program = host().files.find(({ kind, path }) => kind === "binary" && path.endsWith("/nvidia-smi"));
  if (!isHere || program === undefined) return false;
  const query = [program.hostPath, "--query-gpu=persistence_mode", "--format=csv,noheader"];
  const modes = (await askProgram(query, DEADLINE_MS))?.trim().split("\n");
  return modes?.every((mode) => mode.trim() === "Enabled") === true;
}
