import { crioRuntimes, readCrioFiles, runtimesInCrio } from "../../engines/index.ts";
import { pass, warn, type Check } from "../check.ts";
import { findRuntimeFault, withoutFile } from "../engines/runtime-fault.ts";

export const crioConfig: Check = {
  id: "crio-config",
  title: "cri-o uses what its crio.conf says",
  run: (scene) => {
    const asked = scene.crio();
    const files = readCrioFiles(scene.files);
    if (files.length === 0) return withoutFile("cri-o", scene.files.place("/etc/crio/crio.conf"), asked.isGood);
    const settings = crioRuntimes(files);
    const fault = findRuntimeFault(scene, "cri-o", settings);
    if (fault !== undefined) return fault;
    const paths = files.map(({ path }) => path).join(", ");
    if (!asked.isGood) return pass(`${paths}; no crio was asked`);
    const known = new Set(runtimesInCrio(asked.engine));
    const unknown = settings.runtimes.find(({ name }) => !known.has(name));
    if (unknown === undefined) return pass(`${paths}, and crio goes by it`);
    const cause = `"${unknown.file}" has the runtime "${unknown.name}", and crio does not: the file was changed since crio read it`;
    return warn({ code: "BERTH-H009", cause, remedy: "systemctl reload crio (or restart it)" });
  },
};
