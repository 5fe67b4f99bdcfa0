import { hereOnly, pass, warn, type Check } from "../check.ts";
import type { Scene } from "../scene.ts";

/** Each a setting by which users who are not root are kept from making user namespaces, and the value that does it. */
const SWITCHES = [
  ["user.max_user_namespaces", "/proc/sys/user/max_user_namespaces", "0", "15000"],
  ["kernel.unprivileged_userns_clone", "/proc/sys/kernel/unprivileged_userns_clone", "0", "1"],
] as const;

/** By which it shows that somebody means to run containers without being root. */
const ROOTLESS = [
  "/usr/bin/podman",
  "/usr/local/bin/podman",
  "/usr/bin/dockerd-rootless.sh",
  "/usr/local/bin/dockerd-rootless.sh",
];

export const userNamespaces: Check = {
  id: "user-namespaces",
  title: "rootless engines can make user namespaces",
  run: (scene) => {
    const { files } = scene;
    const off = SWITCHES.find(([, path, bad]) => files.text(path)?.trim() === bad);
    if (off === undefined) return pass(describe(scene));
    const engine = ROOTLESS.find((path) => files.stat(path) !== undefined);
    const [name, path, bad, good] = off;
    if (engine === undefined)
      return pass(`users cannot make any (${name} is ${bad}); only rootless engines would need it`);
    const cause = `"${files.place(path)}" is ${bad}: no rootless engine can start a container, and "${files.place(engine)}" is here for it`;
    const command = ["sysctl", "-w", `${name}=${good}`];
    const remedy = hereOnly(scene, command, " (and into /etc/sysctl.d, so that it lasts)");
    return warn({ code: "BERTH-H012", cause, remedy });
  },
};

function describe({ files }: Scene): string {
  const isRestricted = files.text("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")?.trim() === "1";
  return isRestricted ? "they can, with a profile of AppArmor that allows it (Ubuntu since 24.04)" : "they can";
}
