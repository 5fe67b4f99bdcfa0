import { podmanRuntimes, readPodmanFiles } from "../../engines/index.ts";
import { pass, skip, type Check } from "../check.ts";
import { findRuntimeFault } from "../engines/runtime-fault.ts";
import { userFolderOf } from "../user-folder.ts";

export const podmanConfig: Check = {
  id: "podman-config",
  title: "podman can use what its containers.conf says",
  run: (scene) => {
    const { files, env, isHere } = scene;
    const all = readPodmanFiles(files, isHere ? userFolderOf(env) : undefined);
    if (all.length === 0) return skip(`there is no "${files.place("/etc/containers/containers.conf")}"`);
    const fault = findRuntimeFault(scene, "podman", podmanRuntimes(all));
    return fault ?? pass(all.map(({ path }) => path).join(", "));
  },
};
