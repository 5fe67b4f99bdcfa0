import { fail, hereOnly, pass, warn, type Check } from "../check.ts";
import { findDenial, unread } from "../denials.ts";
import type { Scene } from "../scene.ts";

const FOLDER = "/sys/fs/selinux";
const BOOLEAN = "container_use_devices";

export const selinux: Check = {
  id: "selinux",
  title: "SELinux lets containers use the GPUs",
  run: (scene) => {
    const { files } = scene;
    const enforce = files.text(`${FOLDER}/enforce`)?.trim();
    if (enforce === undefined) return pass("there is no SELinux");
    if (enforce !== "1") return pass("SELinux is permissive");
    const [now] = (files.text(`${FOLDER}/booleans/${BOOLEAN}`) ?? "").trim().split(" ");
    if (now === "1") return pass(`SELinux is enforcing, and ${BOOLEAN} is on`);
    const denial = findDenial(files, /avc:\s+denied/);
    if (denial !== undefined) {
      const cause = `SELinux has refused a container a GPU (${quoteDenial(denial.line)} in "${denial.log}")`;
      return fail({ code: "BERTH-H013", cause, remedy: allow(scene, now) });
    }
    if (now !== "0") return pass(`SELinux is enforcing, and its policy has no ${BOOLEAN}${unread(scene)}`);
    const cause = `SELinux is enforcing and "${files.place(`${FOLDER}/booleans/${BOOLEAN}`)}" is off: containers that run confined may not open the GPUs' nodes`;
    return warn({ code: "BERTH-H013", cause, remedy: allow(scene, now) });
  },
};

/** The narrow switch, where the policy has it. */
function allow(scene: Scene, now: string | undefined) {
  if (now !== "0") return "install the policy of container-selinux, then: setsebool -P container_use_devices on";
  return hereOnly(scene, ["setsebool", "-P", BOOLEAN, "on"]);
}

/** `avc: denied { read write } … name="nvidiactl"`, without what is of no use to a reader. */
function quoteDenial(line: string): string {
  const what = /denied\s+\{ ([^}]*) \}/.exec(line)?.[1] ?? "use";
  const name = /\b(?:path|name)="([^"]*)"/.exec(line)?.[1] ?? "";
  const context = /\btcontext=(\S+)/.exec(line)?.[1] ?? "";
  return `denied { ${what} } of "${name}", labelled ${context}`;
}
