import { listRoot, openScene, readRootText, type Scene, type SceneOptions } from "./scene.ts";
import { resolveInRoot } from "./tree.ts";
import { isWsl } from "./wsl.ts";

const GPUS = "/proc/driver/nvidia/gpus";

/** What kind of machine is under a root, as `findPlatform`. */
export function platformOf(root: string, options: SceneOptions): ReturnType<typeof findPlatform> {
  return findPlatform(openScene(root, options, () => undefined));
}

/** What kind of machine it is. "driver": one with NVIDIA's usual driver, or with none. */
export function findPlatform(scene: Scene): "wsl" | "csv" | "driver" {
  if (scene.platform === "csv") return "csv";
  if (isWsl(scene)) return "wsl";
  return isTegra(scene) && !hasOtherGpus(scene) ? "csv" : "driver";
}

/** By the marks that nvidia-container-toolkit goes by. */
function isTegra(scene: Scene): boolean {
  if (resolveInRoot(scene.root, "/etc/nv_tegra_release") !== undefined) return true;
  return readRootText(scene, "/sys/devices/soc0/family")?.toLowerCase().startsWith("tegra") === true;
}

/** Whether the driver has GPUs, and none of them is the one that is built in. */
function hasOtherGpus(scene: Scene): boolean {
  const models = listRoot(scene, GPUS).map((gpu) => {
    const text = readRootText(scene, `${GPUS}/${gpu}/information`) ?? "";
    return /^Model:[ \t]*(.*?)\s*$/m.exec(text)?.[1] ?? "";
  });
  return models.length > 0 && !models.some((model) => model.includes("(nvgpu)") || model === "NVIDIA Thor");
}
