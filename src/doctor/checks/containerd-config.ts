import { statSync } from "node:fs";
import { containerdRuntimes, readContainerdFiles, type RunningContainerd } from "../../engines/index.ts";
import { startTimeMs } from "../../linux/index.ts";
import { pass, warn, type Check } from "../check.ts";
import { findRuntimeFault, withoutFile } from "../engines/runtime-fault.ts";
import type { Scene } from "../scene.ts";

/** Within which the two times are not told apart: the kernel says that of the boot in whole seconds. */
const CLOCK_MS = 1000;

export const containerdConfig: Check = {
  id: "containerd-config",
  title: "containerd uses what its config.toml says",
  run: (scene) => {
    const asked = scene.containerd();
    const path = asked.isGood ? asked.engine.configFile : scene.files.place("/etc/containerd/config.toml");
    const all = readContainerdFiles(scene.root, path);
    if (all === undefined) return withoutFile("containerd", path, asked.isGood);
    const fault = findRuntimeFault(scene, "containerd", containerdRuntimes(all));
    if (fault !== undefined) return fault;
    if (!asked.isGood) return pass(`${path}; no containerd was asked`);
    const late = all.find((file) => isNewer(scene, file.path, asked.engine));
    if (late === undefined) return pass(`${path}, and containerd ${asked.engine.version} goes by it`);
    const cause = `"${late.path}" was changed after containerd was started: it goes by what stood there before`;
    return warn({ code: "BERTH-H009", cause, remedy: "systemctl restart containerd (containers go on running)" });
  },
};

/** By the times of the file and of the process. */
function isNewer({ files }: Scene, path: string, { process }: RunningContainerd): boolean {
  const started = startTimeMs(process.startedAt, files.text("/proc/stat") ?? "");
  const changed = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
  return changed !== undefined && started !== undefined && changed > started + CLOCK_MS;
}
