import { posix } from "node:path";
import { DISTANT_LINKS, LIBRARY_FOLDERS } from "./capability-table.ts";
import type { DriverFile, DriverLibrary, DriverLink } from "./host.ts";
import type { Scene } from "./scene.ts";
import { lstatIfThere, onMachine, resolveInRoot } from "./tree.ts";

const GLX_MODULE = "libglxserver_nvidia.so";

/**
 * Names by which the driver's files are opened and that do not lie beside a library: those for a library as they are on the
 * machine, and the X server's name for its GLX module.
 */
export function readLinks(
  scene: Scene,
  libraries: readonly DriverLibrary[],
  files: readonly DriverFile[],
): readonly DriverLink[] {
  const folders = new Set([...LIBRARY_FOLDERS, ...libraries.map(({ path }) => posix.dirname(path))]);
  const distant = DISTANT_LINKS.flatMap(({ name, stem, capabilities }) => {
    const found = libraries.filter(({ path }) => posix.basename(path).startsWith(`${stem}.so`));
    const places = new Set([...folders].flatMap((folder) => placeOf(scene, `${folder}/${name}`)));
    return [...places].flatMap((path) =>
      targetOf(scene, path, found).map((target) => ({ path, target, capabilities })),
    );
  });
  return [...distant, ...files.flatMap(glxModuleLink)];
}

/** The path of a name in its canonical folder. */
function placeOf(scene: Scene, path: string): string[] {
  const folder = resolveInRoot(scene.driverRoot, posix.dirname(path));
  return folder === undefined ? [] : [posix.join(folder, posix.basename(path))];
}

/** The way from a link to the soname of the library that it leads to in the end; in a container only 64-bit ones are sure to be there. */
function targetOf(scene: Scene, path: string, libraries: readonly DriverLibrary[]): string[] {
  if (lstatIfThere(onMachine(scene.driverRoot, path))?.isSymbolicLink() !== true) return [];
  const real = resolveInRoot(scene.driverRoot, path);
  const library = libraries.find((one) => one.path === real && one.architecture !== "i386");
  if (library === undefined) return [];
  const [from, folder] = [posix.dirname(path), posix.dirname(library.path)];
  const name = library.links.find((link) => link === library.soname) ?? posix.basename(library.path);
  // A link beside its library is one of the library's own.
  return from === folder ? [] : [posix.join(posix.relative(from, folder), name)];
}

function glxModuleLink({ kind, path, capabilities }: DriverFile): DriverLink[] {
  const name = posix.basename(path);
  if (kind !== "xorg" || !name.startsWith(`${GLX_MODULE}.`)) return [];
  return [{ path: posix.join(posix.dirname(path), GLX_MODULE), target: name, capabilities }];
}
