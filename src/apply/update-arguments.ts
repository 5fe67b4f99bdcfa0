import { BerthError } from "../base/index.ts";
import type { Architecture } from "../host/index.ts";
import type { ContainerUpdate } from "./container-update.ts";
import { folderOf, inFolder, isPlainPath, nameOf } from "./paths.ts";

/** Values of a command line by the names of its flags. */
export interface UpdateFlags {
  readonly list: (name: string) => readonly string[];
  readonly text: (name: string) => string;
  readonly isOn: (name: string) => boolean;
}

type Entry = ContainerUpdate["loaderEntries"][number];
type Link = ContainerUpdate["links"][number];

const BETWEEN = "::";

/**
 * An update as the arguments of `nvidia-cdi-hook update-container`: `--library FILE::NAME::NAME` is a library with the names beside it, each a link and a name for the loader
 * (`--library-32`: of 32 bits); `--link TARGET::LINK` and `--ldcache FILE::NAME` (its own name: `--ldcache FILE`) are what is only one of the two.
 */
export function formatUpdate(update: ContainerUpdate): readonly string[] {
  const links = new Map(update.links.map((link) => [keyOf(link.path, link.target), link]));
  const libraries = new Map<string, { readonly is32Bit: boolean; readonly names: string[] }>();
  const rest: Entry[] = [];
  const sonames = Map.groupBy(update.loaderEntries, ({ soname }) => soname);
  for (const entry of update.loaderEntries) {
    const key = keyOf(inFolder(folderOf(entry.path), entry.soname), nameOf(entry.path));
    // Of two for one name the first counts, so these keep their order.
    const isOnly = sonames.get(entry.soname)?.length === 1;
    if (!isOnly || !links.delete(key)) rest.push(entry);
    else librariesAt(libraries, entry).names.push(entry.soname);
  }
  return [
    ...[...libraries].flatMap(([path, { is32Bit, names }]) => {
      return [is32Bit ? "--library-32" : "--library", [path, ...names].join(BETWEEN)];
    }),
    ...[...links.values()].flatMap(({ path, target }) => ["--link", `${target}${BETWEEN}${path}`]),
    ...rest.flatMap((entry) => [isNarrow(entry) ? "--ldcache-32" : "--ldcache", entryOf(entry)]),
    ...optional("--host-driver-version", update.driverVersion),
    ...optional("--host-cuda-version", update.cudaVersion),
    ...optional("--cuda-compat-container-root", update.compatFolder),
    ...update.brands.flatMap((brand) => ["--gpu-brand", brand]),
    ...(update.hasApplicationProfile ? ["--application-profile"] : []),
    ...(update.hidesDeviceFiles ? ["--disable-device-node-modification"] : []),
    ...(update.hostRoot === "/" ? [] : ["--host-root", update.hostRoot]),
  ];
}

function entryOf({ path, soname }: Entry): string {
  return soname === nameOf(path) ? path : `${path}${BETWEEN}${soname}`;
}

function keyOf(path: string, target: string): string {
  return `${path}${BETWEEN}${target}`;
}

function isNarrow({ architecture }: Entry): boolean {
  return architecture === "i386";
}

function librariesAt(libraries: Map<string, { readonly is32Bit: boolean; readonly names: string[] }>, entry: Entry) {
  const known = libraries.get(entry.path) ?? { is32Bit: isNarrow(entry), names: [] };
  libraries.set(entry.path, known);
  return known;
}

function optional(flag: string, value: string | undefined): readonly string[] {
  return value === undefined ? [] : [flag, value];
}

/** The update that such arguments stand for. `wide` is this machine's architecture. Throws BERTH-U001. */
export function readUpdate({ list, text, isOn }: UpdateFlags, wide: Architecture): ContainerUpdate {
  const libraries = [
    ...list("library").map((value) => readLibrary(value, wide)),
    ...list("library-32").map((value) => readLibrary(value, "i386")),
  ];
  return {
    links: [...libraries.flatMap((library) => library.links), ...list("link").map(readLink)],
    loaderEntries: [
      ...libraries.flatMap((library) => library.loaderEntries),
      ...list("ldcache").map((value) => readEntry(value, wide)),
      ...list("ldcache-32").map((value) => readEntry(value, "i386")),
    ],
    driverVersion: text("host-driver-version") || undefined,
    cudaVersion: text("host-cuda-version") || undefined,
    compatFolder: text("cuda-compat-container-root") || undefined,
    brands: list("gpu-brand"),
    hasApplicationProfile: isOn("application-profile"),
    hidesDeviceFiles: isOn("disable-device-node-modification"),
    hostRoot: text("host-root") || "/",
  };
}

/** `TARGET::LINK`, as the hook `create-symlinks` has it too. Throws BERTH-U001. */
export function readLink(value: string): Link {
  const [target = "", path = "", ...more] = value.split(BETWEEN);
  const plain = path.replace(/\/+/g, "/");
  if (target === "" || more.length > 0 || !isPlainPath(plain)) throw unreadable("symlink", value);
  return { path: plain, target };
}

function readLibrary(value: string, architecture: Architecture): Pick<ContainerUpdate, "links" | "loaderEntries"> {
  const [path = "", ...names] = value.split(BETWEEN);
  if (!isPlainPath(path) || names.length === 0 || !names.every(isName)) throw unreadable("library", value);
  const target = nameOf(path);
  return {
    links: names.map((name) => ({ path: inFolder(folderOf(path), name), target })),
    loaderEntries: names.map((soname) => ({ soname, path, architecture })),
  };
}

function readEntry(value: string, architecture: Architecture): Entry {
  const [path = "", soname = nameOf(path), ...more] = value.split(BETWEEN);
  if (!isPlainPath(path) || !isName(soname) || more.length > 0) throw unreadable("loader cache", value);
  return { soname, path, architecture };
}

function isName(name: string): boolean {
  return name !== "" && !name.includes("/");
}

function unreadable(what: string, value: string): BerthError {
  return new BerthError({
    code: "BERTH-U001",
    message: `Cannot change the container: invalid ${what} specification ${JSON.stringify(value.slice(0, 200))}`,
    remedy: "make the CDI file anew: berth cdi refresh (or nvidia-ctk cdi generate)",
  });
}
