import { fail, pass, warn, type Check } from "../check.ts";
import { findDenial, unread } from "../denials.ts";

const PARSERS = ["/sbin/apparmor_parser", "/usr/sbin/apparmor_parser"];

export const apparmor: Check = {
  id: "apparmor",
  title: "AppArmor lets containers use the GPUs",
  run: (scene) => {
    const { files } = scene;
    if (files.text("/sys/module/apparmor/parameters/enabled")?.trim() !== "Y") return pass("there is no AppArmor");
    const denial = findDenial(files, /apparmor="DENIED"/);
    if (denial !== undefined) {
      const field = (name: string): string => new RegExp(`\\b${name}="([^"]*)"`).exec(denial.line)?.[1] ?? "?";
      const cause = `AppArmor's profile "${field("profile")}" has refused ${field("operation")} of "${field("name")}" ("${denial.log}")`;
      const rule = field("name").startsWith("/dev/") ? `${field("name")} rw,` : `${field("name")} r,`;
      return fail({
        code: "BERTH-H014",
        cause,
        remedy: `add "${rule}" to the profile "${field("profile")}", then load it: apparmor_parser -r FILE`,
      });
    }
    if (PARSERS.some((path) => files.stat(path) !== undefined))
      return pass(`AppArmor is on, and has refused nothing of NVIDIA's${unread(scene)}`);
    const cause = `AppArmor is on and "${files.place("/sbin/apparmor_parser")}" is not there: engines cannot load the profile that they give containers`;
    return warn({ code: "BERTH-H014", cause, remedy: "install the package apparmor" });
  },
};
