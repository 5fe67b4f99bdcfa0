import { posix } from "node:path";
import { parseCdiName } from "./cdi-name.ts";
import { shorten } from "./shorten.ts";

/** A mount of the container's spec, as far as it can ask for a device. */
export interface RequestMount {
  readonly source: string;
  readonly destination: string;
}

/** What the mounts below the folder ask for. */
export interface MountedRequest {
  /** Device ids and qualified CDI names. */
  readonly devices: readonly string[];
  readonly imexChannels: readonly string[];
  readonly warnings: readonly string[];
}

const FOLDER = "/var/run/nvidia-container-devices/";
const CDI = "cdi/";
const IMEX = "imex/";

/**
 * Requests by volume mounts: each mount of /dev/null on a path below /var/run/nvidia-container-devices names a device, `cdi/vendor/class/name` a CDI
 * device, `imex/N` an IMEX channel. Rule: the NVIDIA container stack, but the folder's name has to end where it ends.
 */
export function readVolumeMounts(mounts: readonly RequestMount[]): MountedRequest {
  const paths = mounts
    .filter(({ source }) => posix.normalize(source) === "/dev/null")
    .map(({ destination }) => posix.normalize(destination).replace(/\/$/, ""));
  const below = paths.filter((path) => path.startsWith(FOLDER)).map((path) => path.slice(FOLDER.length));
  const names = [...new Set(below)].filter((name) => name !== "");
  const cdi = names.filter((name) => name.startsWith(CDI)).map((name) => ({ name, cdi: toCdi(name) }));
  return {
    devices: [
      ...names.filter((name) => !name.startsWith(CDI) && !name.startsWith(IMEX)),
      ...cdi.flatMap((one) => (one.cdi === undefined ? [] : [one.cdi])),
    ],
    imexChannels: names.filter((name) => name.startsWith(IMEX)).map((name) => name.slice(IMEX.length)),
    warnings: cdi
      .filter((one) => one.cdi === undefined)
      .map(({ name }) => `the mount "${shorten(FOLDER + name)}" names no CDI device and does not count`),
  };
}

/** `cdi/vendor/class/name` and `cdi/vendor/class=name`. */
function toCdi(tail: string): string | undefined {
  const [vendor = "", kind = "", name] = tail.slice(CDI.length).split("/");
  const text = name === undefined ? `${vendor}/${kind}` : `${vendor}/${kind}=${name}`;
  return parseCdiName(text) === undefined || tail.split("/").length > 4 ? undefined : text;
}
