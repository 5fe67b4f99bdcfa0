import { planCharLinks, planDeviceNodes } from "../../host/index.ts";
import { ownCommand, pass, skip, warn, type Check } from "../check.ts";
import { count, quoteSome } from "../words.ts";
import { runsSystemd } from "../systemd.ts";

export const charLinks: Check = {
  id: "char-links",
  title: "systemd finds device nodes by their numbers",
  needs: ["device-nodes"],
  run: (scene) => {
    const { files } = scene;
    const nodes = planDeviceNodes(scene.root).nodes.filter(
      ({ state }) => state.kind === "there" || state.kind === "wrong-access",
    );
    if (nodes.length === 0) return skip("a GPU of this kind has other nodes");
    if (!runsSystemd(files)) return pass("systemd does not run here: nobody takes permissions away");
    const bad = planCharLinks(scene.root, nodes).filter(({ state }) => state.kind !== "there");
    if (bad.length === 0) return pass(`${count(nodes.length, "link")} in ${files.place("/dev/char")}`);
    const cause = `${quoteSome(bad.map(({ hostPath }) => hostPath))} ${bad.length === 1 ? "is" : "are"} missing or wrong: systemctl daemon-reload takes GPUs from containers that run`;
    return warn({ code: "BERTH-H004", cause, remedy: ownCommand(scene, "nodes", "--links") });
  },
};
