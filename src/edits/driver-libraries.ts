import { posix } from "node:path";
import type { Grant } from "../grant/index.ts";
import type { DriverLibrary, Host } from "../host/index.ts";
import type { Edits, LinkEdit, LoaderEdit } from "./edits.ts";
import { READ_ONLY } from "./mount-options.ts";
import { whyNeeded } from "./needs.ts";

type LibraryEdits = Pick<Edits, "mounts" | "links" | "loaderEntries">;

interface NeededLibrary {
  readonly library: DriverLibrary;
  readonly reason: string;
}

/** The libraries of the granted capabilities: the files, the names beside them as on the host, and what the loader must find. */
export function driverLibraries(grant: Grant, host: Host): LibraryEdits {
  const needed = host.libraries.flatMap((library) => whyLibrary(grant, library));
  return {
    mounts: needed.map(({ library: { hostPath, path }, reason }) => {
      return { hostPath, containerPath: path, kind: "library", options: READ_ONLY, reason };
    }),
    links: needed.flatMap(linksOf),
    loaderEntries: needed.flatMap(loaderEntriesOf),
  };
}

/** A 32-bit library needs `compat32` and one of its own capabilities, an explicit one the administrator's word besides. */
function whyLibrary(grant: Grant, library: DriverLibrary): NeededLibrary[] {
  const reason = whyNeeded(grant, library.capabilities);
  const is32Bit = library.architecture === "i386";
  const isAllowed = !library.isExplicit || grant.extras.hasExplicitLibraries;
  const isWanted = isAllowed && (!is32Bit || grant.capabilities.some(({ name }) => name === "compat32"));
  return reason === undefined || !isWanted ? [] : [{ library, reason }];
}

function linksOf({ library: { path, links }, reason }: NeededLibrary): LinkEdit[] {
  const folder = posix.dirname(path);
  return links.map((name) => ({ path: posix.join(folder, name), target: posix.basename(path), reason }));
}

/** As ldconfig would list them: the soname, and the other names that lead to the file. */
function loaderEntriesOf({ library, reason }: NeededLibrary): LoaderEdit[] {
  const { path, architecture, soname } = library;
  // The loader's cache holds plain folders of libraries; plug-ins in folders below are opened by path.
  if (/\/(vdpau|gbm|xorg)(\/|$)/.test(posix.dirname(path))) return [];
  const names = new Set([...(soname === undefined ? [] : [soname]), ...library.links]);
  if (names.size === 0) names.add(posix.basename(path));
  return [...names].map((name) => ({ soname: name, path, architecture, isOfImage: false, reason }));
}
