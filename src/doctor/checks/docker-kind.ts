import type { RunningDocker } from "../../engines/index.ts";
import { fail, hereOnly, pass, skip, warn, type Check, type Finding } from "../check.ts";
import type { Scene } from "../scene.ts";

const USUAL_SOCKET = "/var/run/docker.sock";

export const dockerKind: Check = {
  id: "docker-kind",
  title: "docker speaks to a daemon that can use these GPUs",
  run: async (scene) => {
    const asked = await scene.docker();
    if (asked.isGood) return judge(scene, asked.engine);
    const { place, process, why } = asked;
    if (process !== undefined) {
      const cause = `dockerd runs (process ${process.pid}) and does not answer: ${why}`;
      return fail({
        code: "BERTH-H010",
        cause,
        remedy: "systemctl status docker says more; dockerd may have to be restarted",
      });
    }
    if (place?.context === undefined || place.context === "default") return skip(why);
    const cause = `docker's context "${place.context}" leads to "${place.endpoint}", where nobody answers: ${why}`;
    return fail({ code: "BERTH-H010", cause, remedy: useDefault(scene) });
  },
};

function judge(scene: Scene, { kind, version, endpoint, context, operatingSystem }: RunningDocker): Finding {
  const by = context === undefined ? `"${endpoint}"` : `the context "${context}" ("${endpoint}")`;
  switch (kind) {
    case "desktop": {
      const cause = `Docker Desktop ${version} answers by ${by}: its containers run in a virtual machine, which has none of these GPUs`;
      return fail({ code: "BERTH-H010", cause, remedy: useDefault(scene) });
    }
    case "remote": {
      const cause = `the daemon behind ${by} is another machine's (${operatingSystem}): what is here is of no account to it`;
      return warn({ code: "BERTH-H010", cause, remedy: useDefault(scene) });
    }
    case "snap": {
      const cause = `the dockerd behind ${by} is a snap, which sees other files than this machine has: the driver's libraries may be none of them`;
      const remedy =
        "snap remove docker, then install docker-ce or docker.io; or give containers GPUs by CDI: berth cdi refresh";
      return warn({ code: "BERTH-H010", cause, remedy });
    }
    case "system":
    case "rootless":
      return pass(`${kind === "system" ? "the machine's own" : "a rootless"} dockerd ${version}, by ${by}`);
  }
}

/** The machine's own daemon, where there is one. */
function useDefault(scene: Scene) {
  if (scene.files.stat(USUAL_SOCKET) === undefined)
    return "install Docker's engine (docker-ce or docker.io), then: docker context use default";
  return hereOnly(scene, ["docker", "context", "use", "default"]);
}
