import { parseCharMajors } from "../../linux/index.ts";
import { fail, hereOnly, pass, skip, warn, type Check, type Finding } from "../check.ts";
import type { Files } from "../files.ts";
import type { Scene } from "../scene.ts";
import { count, quoteSome } from "../words.ts";

const CHANNELS = "/dev/nvidia-caps-imex-channels";
const MAJOR_NAME = "nvidia-caps-imex-channels";
const NODES_CONFIG = "/etc/nvidia-imex/nodes_config.cfg";
/** The driver makes 2048 (NVreg_ImexChannelCount). */
const LAST_CHANNEL = 2047;

export const imex: Check = {
  id: "imex",
  title: "IMEX has its channels and its daemon",
  needs: ["driver-module"],
  run: (scene) => {
    const { files } = scene;
    const names = files.list(CHANNELS).filter((name) => /^channel\d+$/.test(name));
    const isConfigured = hasNodes(files.text(NODES_CONFIG) ?? "");
    if (names.length === 0 && !isConfigured) return skip("there is no IMEX channel, and none is configured");
    const major = parseCharMajors(files.text("/proc/devices") ?? "").get(MAJOR_NAME);
    if (names.length === 0) return noChannel(scene, major);
    return (
      checkChannels(scene, names, major) ??
      (isConfigured ? checkDaemon(scene, names.length) : pass(count(names.length, "channel")))
    );
  },
};

function checkChannels(scene: Scene, names: readonly string[], major: number | undefined): Finding | undefined {
  const { files } = scene;
  const good = scene.host().imexChannels.map(({ path }) => path.slice(path.lastIndexOf("/") + 1));
  const wrong = names.filter((name) => !good.includes(name));
  if (wrong.length > 0) return wrongChannels(scene, wrong, major);
  const beyond = names.filter((name) => Number(name.slice("channel".length)) > LAST_CHANNEL);
  if (beyond.length === 0) return undefined;
  const cause = `${quoteSome(beyond)} in "${files.place(CHANNELS)}" is beyond ${LAST_CHANNEL}, the last channel that the driver has`;
  return warn({ code: "BERTH-H016", cause, remedy: `rm ${files.place(`${CHANNELS}/${beyond[0]}`)}` });
}

function wrongChannels({ files, berth }: Scene, names: readonly string[], major: number | undefined): Finding {
  const places = names.map((name) => files.place(`${CHANNELS}/${name}`));
  const should = major === undefined ? `"${MAJOR_NAME}" is not in /proc/devices` : `its major is ${major}`;
  const cause = `${quoteSome(places)} ${places.length === 1 ? "is" : "are"} not of the driver: ${should}`;
  if (major === undefined) return fail({ code: "BERTH-D003", cause, remedy: `rm ${places.join(" ")}` });
  const commands = names.flatMap((name) => [
    ["rm", "--", files.place(`${CHANNELS}/${name}`)],
    makeChannel(files, name, major),
  ]);
  const text = `${berth("doctor", "--only", "imex", "--fix").join(" ")} (rm and mknod)`;
  return fail({ code: "BERTH-D003", cause, remedy: { text, commands } });
}

function noChannel({ files }: Scene, major: number | undefined): Finding {
  const cause = `"${files.place(NODES_CONFIG)}" names machines, and no channel is in "${files.place(CHANNELS)}"`;
  if (major === undefined) {
    const remedy = "install a driver with IMEX (570 or newer, open module), and reboot";
    return fail({ code: "BERTH-H016", cause: `${cause}: the driver has no IMEX channels`, remedy });
  }
  const make = makeChannel(files, "channel0", major);
  const text = `${make.join(" ")} (or load the module with NVreg_CreateImexChannel0=1)`;
  return fail({
    code: "BERTH-H016",
    cause,
    remedy: { text, commands: [["mkdir", "-p", files.place(CHANNELS)], make] },
  });
}

function makeChannel(files: Files, name: string, major: number): readonly string[] {
  return ["mknod", "-m", "666", files.place(`${CHANNELS}/${name}`), "c", String(major), name.slice("channel".length)];
}

function checkDaemon(scene: Scene, channels: number): Finding {
  const { files } = scene;
  const isRunning = files
    .list("/proc")
    .some((pid) => /^\d+$/.test(pid) && files.text(`/proc/${pid}/comm`)?.trim() === "nvidia-imex");
  if (isRunning) return pass(`${count(channels, "channel")}, and nvidia-imex runs`);
  const cause = `"${files.place(NODES_CONFIG)}" names machines, and nvidia-imex does not run: memory of other machines cannot be reached`;
  return warn({
    code: "BERTH-H016",
    cause,
    remedy: hereOnly(scene, ["systemctl", "enable", "--now", "nvidia-imex.service"]),
  });
}

/** An address a line; all else is a comment. */
function hasNodes(text: string): boolean {
  return text.split("\n").some((line) => line.trim() !== "" && !line.trim().startsWith("#"));
}
