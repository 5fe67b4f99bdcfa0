import { BerthError, parseStrictInteger, splitList } from "../base/index.ts";
import type { ImexRequest, Origin, Request } from "./request.ts";
import { shorten } from "./shorten.ts";

/** One less than the number of channels that the driver can have. */
const MAX_CHANNEL = 2 ** 20 - 1;

/**
 * The IMEX channels of a list: `3` or `channel3`, each once. `all` is no channel, as in the NVIDIA stack: channels keep the jobs of different
 * users apart, so each is asked for by number. Throws BERTH-R005.
 */
export function parseImexChannels(
  items: readonly string[],
  origin: Origin,
): Pick<Request, "imexChannels" | "warnings"> {
  const names = items.flatMap(splitList);
  if (names.some((name) => name === "void" || name === "none")) return { imexChannels: [], warnings: [] };
  const channels = new Set(names.filter((name) => name !== "all").map(parseChannel));
  return {
    imexChannels: [...channels].map((channel): ImexRequest => ({ channel, origin })),
    warnings: names.includes("all")
      ? [`${origin.text}: "all" is no IMEX channel and does not count; name them by number`]
      : [],
  };
}

function parseChannel(name: string): number {
  const channel = parseStrictInteger(name.replace(/^channel(?=\d)/, ""), MAX_CHANNEL);
  if (channel !== undefined) return channel;
  throw new BerthError({
    code: "BERTH-R005",
    message: `Cannot read the IMEX channel "${shorten(name)}": it is no number from 0 to ${MAX_CHANNEL}`,
    remedy: "name channels as in NVIDIA_IMEX_CHANNELS=0,1 (those of this host are in /dev/nvidia-caps-imex-channels)",
  });
}
