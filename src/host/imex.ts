import { parseStrictInteger } from "../base/index.ts";
import { present, readNode } from "./device-nodes.ts";
import type { DeviceNode } from "./host.ts";
import { listRoot, type Scene } from "./scene.ts";

const FOLDER = "/dev/nvidia-caps-imex-channels";
const MAX_CHANNEL = 0xf_ffff;

/** /dev/nvidia-caps-imex-channels/channelN that exist, by N. Anything else in that folder is passed over. */
export function readImexChannels(scene: Scene): readonly DeviceNode[] {
  const majors = [scene.majorOf("nvidia-caps-imex-channels")];
  const numbers = present(listRoot(scene, FOLDER).map(parseChannel)).toSorted((a, b) => a - b);
  return present(numbers.map((minor) => readNode(scene, { path: `${FOLDER}/channel${minor}`, majors, minor })));
}

function parseChannel(name: string): number | undefined {
  return name.startsWith("channel") ? parseStrictInteger(name.slice("channel".length), MAX_CHANNEL) : undefined;
}
