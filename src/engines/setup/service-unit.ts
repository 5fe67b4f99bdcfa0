import { readFileSync } from "node:fs";
import { join } from "node:path";
import { errnoCode } from "../../base/index.ts";
import { askClient, findClient, type Said } from "../ask-client.ts";
import type { EngineName } from "../engine.ts";
import type { DaemonProcess } from "../running/daemon-process.ts";
import type { RunningScene } from "../running/running.ts";

/** A service manager's service that a daemon belongs to. */
export interface ServiceUnit {
  /** "docker.service" */
  readonly name: string;
  /** "systemctl restart docker.service": what a user would type. */
  readonly restart: string;
}

const USUAL: Readonly<Record<EngineName, readonly string[]>> = {
  docker: ["docker.service", "snap.docker.dockerd.service"],
  containerd: ["containerd.service"],
  "cri-o": ["crio.service"],
  podman: [],
};
/** A daemon may take its time to end its containers: systemd's own limit is 90 seconds. */
const RESTART_MS = 120_000;

/** The service of systemd whose main process a daemon is, or whose control group it is in; undefined: none, or there is no systemd. */
export function findUnit(engine: EngineName, process: DaemonProcess, scene: RunningScene): ServiceUnit | undefined {
  const systemctl = findClient("systemctl", scene);
  if (systemctl === undefined) return undefined;
  const grouped = unitOfGroup(process, scene.proc);
  const name = [...(grouped === undefined ? [] : [grouped]), ...USUAL[engine]].find((unit) => {
    const said = askClient([systemctl, "show", "--property", "MainPID", "--value", unit], scene);
    return said.isGood && (said.text.trim() === `${process.pid}` || (unit === grouped && Number(said.text) > 0));
  });
  return name === undefined ? undefined : { name, restart: `systemctl restart ${name}` };
}

/** Restarts a service and waits until the service manager says that it runs. */
export function restartUnit({ name }: ServiceUnit, scene: RunningScene): Said {
  const systemctl = findClient("systemctl", scene);
  if (systemctl === undefined) return { isGood: false, why: 'there is no "systemctl" in PATH' };
  // Several starts in a row that failed would otherwise keep a good one from being tried.
  askClient([systemctl, "reset-failed", name], scene);
  return askClient([systemctl, "restart", name], { ...scene, timeoutMs: RESTART_MS });
}

/** The innermost system service of a control group: systemd, "Control Group Interfaces". */
function unitOfGroup({ pid }: DaemonProcess, proc = "/proc"): string | undefined {
  try {
    const text = readFileSync(join(proc, `${pid}`, "cgroup"), "utf8");
    return /\/system\.slice\/(?:[^\n]*\/)?([A-Za-z0-9:_.@\\-]+\.service)(?:\/|$)/m.exec(text)?.[1];
  } catch (thrown) {
    if (errnoCode(thrown) === undefined) throw thrown;
    return undefined;
  }
}
