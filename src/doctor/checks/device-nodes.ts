import { listNodeFaults, planDeviceNodes } from "../../host/index.ts";
import { fail, ownCommand, pass, skip, warn, type Check } from "../check.ts";
import { count } from "../words.ts";

export const deviceNodes: Check = {
  id: "device-nodes",
  title: "device nodes are there, with right numbers and modes",
  needs: ["driver-module"],
  run: (scene) => {
    const { nodes } = planDeviceNodes(scene.root);
    if (nodes.length === 0) return skip("a GPU of this kind has other nodes");
    const faults = listNodeFaults(scene.root);
    const [worst] = [...faults.filter(({ isFatal }) => isFatal), ...faults];
    if (worst === undefined) return pass(count(nodes.length, "node"));
    const flags = faults.some(({ needsModule }) => needsModule) ? ["--load-modules"] : [];
    const more = faults.filter((fault) => fault !== worst).map(({ message }) => message);
    const remedy = ownCommand(scene, "nodes", ...flags);
    return (worst.isFatal ? fail : warn)({ code: "BERTH-D003", cause: worst.message, more, remedy });
  },
};
