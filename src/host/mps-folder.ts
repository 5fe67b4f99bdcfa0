import { effectiveUid } from "../linux/index.ts";
import type { DriverFile } from "./host.ts";
import type { Scene } from "./scene.ts";
import { lstatIfThere, onMachine } from "./tree.ts";

const FOLDER = "/tmp/nvidia-mps";

/**
 * The folder in which the control daemon of CUDA's Multi-Process Service listens, while it has its `control` there. Anybody
 * can make something in /tmp: one that is a link, or is not root's or this user's, is a warning and left out.
 */
export function readMpsFolder(scene: Scene): readonly DriverFile[] {
  const hostPath = onMachine(scene.driverRoot, FOLDER);
  const folder = lstatIfThere(hostPath);
  if (folder?.isDirectory() !== true || !isListening(scene, hostPath)) return [];
  if (folder.uid !== 0 && folder.uid !== effectiveUid()) {
    scene.warn(`"${hostPath}" belongs to user ${folder.uid}: left out`);
    return [];
  }
  return [{ kind: "socket", path: FOLDER, hostPath, capabilities: ["compute"] }];
}

function isListening({ isSimulated }: Scene, folder: string): boolean {
  const control = lstatIfThere(`${folder}/control`);
  return control !== undefined && (control.isFIFO() || control.isSocket() || (isSimulated && control.isFile()));
}

/** By which it shows that the folder was made anew, or that the daemon came or went. */
export function mpsSignature(scene: Scene): string {
  const hostPath = onMachine(scene.driverRoot, FOLDER);
  const folder = lstatIfThere(hostPath);
  if (folder?.isDirectory() !== true) return "-";
  return `${folder.ino}:${folder.uid}${lstatIfThere(`${hostPath}/control`) === undefined ? "-" : "+"}`;
}
