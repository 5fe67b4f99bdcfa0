import { dockerRuntimes, GPUS_HOOK, wantsCdi, type EngineFile, type RunningDocker } from "../../engines/index.ts";
import { hereOnly, pass, skip, warn, type Check, type Finding, type Remedy } from "../check.ts";
import { openDockerFile } from "../engines/docker-file.ts";
import { hasWay } from "../engines/docker-ways.ts";
import { findRuntimeFault, withoutFile } from "../engines/runtime-fault.ts";
import type { Scene } from "../scene.ts";
import { runsSystemd } from "../systemd.ts";

export const dockerConfig: Check = {
  id: "docker-config",
  title: "dockerd uses what its daemon.json says",
  run: async (scene) => {
    const docker = await openDockerFile(scene);
    if (docker === undefined) return skip("the dockerd that answers is not this machine's own");
    const { path, file, running } = docker;
    const isRunning = running !== undefined;
    const finding = file === undefined ? withoutFile("docker", path, isRunning) : judge(scene, file, running);
    const isUseless = finding.kind === "pass" && isRunning && !hasWay(scene, running);
    return isUseless ? noWay(scene, running, path) : finding;
  },
};

function judge(scene: Scene, file: EngineFile, running: RunningDocker | undefined): Finding {
  const fault = findRuntimeFault(scene, "docker", dockerRuntimes(file));
  if (fault !== undefined) return fault;
  return running === undefined ? pass(`${file.path}; no dockerd was asked`) : compare(scene, file, running);
}

/** As it is before anything was set up. Not a failure: other engines may be meant. */
function noWay(scene: Scene, running: RunningDocker, path: string): Finding {
  const { version, containersRunning, isLiveRestore } = running;
  const cause = `dockerd ${version} has no way to GPUs: "${path}" names no runtime for them, CDI is off, and no ${GPUS_HOOK} is in its PATH`;
  // Without --restart it only does what disturbs nobody.
  const isQuiet = containersRunning === 0 || isLiveRestore;
  const command = scene.berth("setup", "docker", ...(isQuiet ? ["--restart"] : []));
  return warn({ code: "BERTH-H009", cause, remedy: hereOnly(scene, command) });
}

/** What stands in the file and is not so in the daemon. */
function compare(scene: Scene, file: EngineFile, running: RunningDocker): Finding {
  const { runtimes, chosen } = dockerRuntimes(file);
  const unknown = runtimes.find(({ name, program }) => {
    const known = running.runtimes.get(name);
    return known === undefined || (program !== undefined && known !== program);
  });
  if (unknown !== undefined)
    return late(file, `has the runtime "${unknown.name}", and dockerd does not`, reload(scene, running));
  if (chosen !== undefined && chosen.name !== running.defaultRuntime)
    return late(
      file,
      `makes "${chosen.name}" the default runtime, and dockerd has "${running.defaultRuntime}"`,
      reload(scene, running),
    );
  if (wantsCdi(file) && running.cdiSpecDirs.length === 0)
    return late(file, "switches CDI on, and in dockerd it is off", restart(scene, running));
  return pass(`${file.path}, and dockerd ${running.version} goes by it`);
}

function late({ path }: EngineFile, what: string, remedy: Remedy): Finding {
  return warn({ code: "BERTH-H009", cause: `"${path}" ${what}: the file was changed since dockerd read it`, remedy });
}

/** Runtimes are among what dockerd reads anew without being restarted (docker/docs, dockerd: "Configuration reload behavior"). */
function reload({ isHere }: Scene, { process }: RunningDocker): Remedy {
  if (process === undefined) return { text: "systemctl reload docker" };
  const command = ["kill", "-HUP", String(process.pid)];
  return {
    text: `${command.join(" ")} (systemctl reload docker)`,
    ...(isHere || process.uid === 0 ? { commands: [command] } : {}),
  };
}

function restart({ isHere, files }: Scene, { containersRunning, isLiveRestore }: RunningDocker): Remedy {
  const command = ["systemctl", "restart", "docker"];
  const text = command.join(" ");
  if (!isHere || !runsSystemd(files)) return { text };
  if (containersRunning === 0 || isLiveRestore) return { text, commands: [command] };
  return { text, commands: [command], disturbs: `it stops ${containersRunning} running containers` };
}
