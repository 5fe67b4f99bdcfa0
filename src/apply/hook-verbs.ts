import { BerthError } from "../base/index.ts";
import type { LoaderEdit } from "../edits/index.ts";
import type { Architecture } from "../host/index.ts";
import { readElf, type Root } from "../linux/index.ts";
import { mountsOf } from "../oci/index.ts";
import { readCompatLibraries } from "../request/index.ts";
import { writeLayer } from "./carry-out.ts";
import type { ContainerUpdate } from "./container-update.ts";
import { editFile, findFilePlace, writeToLayer } from "./etc-file.ts";
import { layerMounts, mountForContainer, type HookScene } from "./hook-scene.ts";
import { makeLinks } from "./in-tmpfs.ts";
import { planLayer, readRecord } from "./layer-plan.ts";
import { liveLinks, liveMounts, liveRecord } from "./live-record.ts";
import { cleanPath, folderOf, nameOf } from "./paths.ts";
import { placeEdits } from "./place-edits.ts";
import { findCompat, IN_MEMORY, inContainer, NOTHING, planOwnLoader, profile } from "./update-container.ts";

/*
 * The hooks of NVIDIA's CDI files, each a process of its own: what a file that another toolkit wrote asks for. They leave the record of a layer as it is but for the
 * loader's cache, since none of them knows what the others do. Rules: nvidia-container-toolkit 1.20, cmd/nvidia-cdi-hook.
 */

/** `create-symlinks`: links as they are given, whatever they lead to; none in a volume. Gives back what was left out. */
export function createSymlinks(links: ContainerUpdate["links"], scene: HookScene): readonly string[] {
  return inContainer(scene, ({ view, layer, whole }) => {
    const edits = links.map(({ path, target }) => ({ path, target, reason: "" }));
    const placed = placeEdits({ ...NOTHING, links: edits }, view, scene.bundleDir);
    const writes = placed.links.map((link) => {
      const { path, newFolders, owner, isNew } = writeToLayer(link.path, EMPTY, view);
      return { kind: "link", path, newFolders, owner, isNew, target: link.target } as const;
    });
    writeLayer(writes, layer, () => {
      for (const folder of placed.linkFolders) makeLinks(folder, { view, whole }, true);
    });
    return placed.warnings;
  });
}

const EMPTY = new Uint8Array();
/** Where `enable-cuda-compat` leaves word for `update-ldcache`, which is a process of its own; a later ldconfig reads it, too. */
const COMPAT_CONF = "/etc/ld.so.conf.d/00-berth-compat.conf";
const MAX_CONF_BYTES = 4096;

/** `update-ldcache`: the libraries that are mounted in these folders become known to the container's loader. */
export function updateLoaderCache(folders: readonly string[], scene: HookScene, wide: Architecture): readonly string[] {
  return inContainer(scene, ({ view, layer, whole }) => {
    const entries = [...compatEntries(layer), ...mountedLibraries(folders, scene, { whole, wide })];
    const old = readRecord(layer);
    const kept = liveRecord(old, layer, whole);
    const loader = planOwnLoader(entries, { old, kept }, { view, stateFolder: IN_MEMORY, bundleDir: scene.bundleDir });
    const mounts = [...layerMounts(scene.spec), ...liveMounts(kept)];
    const warnings = [...loader.warnings];
    writeLayer(planLayer({ links: liveLinks(kept), mounts, isFolder: () => false, loader }, old, view), layer, () => {
      const files = loader.edits
        .flatMap((edit) => edit.stateWrites)
        .flatMap((file) => (file.kind === "file" ? [{ path: `/etc/${nameOf(file.path)}`, bytes: file.bytes }] : []));
      warnings.push(...mountForContainer(scene, whole, files));
    });
    return warnings;
  });
}

/** The libraries that the engine has mounted, by their sonames. */
function mountedLibraries(
  folders: readonly string[],
  scene: HookScene,
  { whole, wide }: { readonly whole: Root; readonly wide: Architecture },
): readonly LoaderEdit[] {
  const wanted = new Set(folders.map(cleanPath));
  const paths = mountsOf(scene.spec).map(({ destination }) => cleanPath(destination));
  const libraries = paths.filter((path) => wanted.has(folderOf(path)) && /\.so(\.|$)/.test(nameOf(path)));
  return libraries.flatMap((path) => {
    const elf = whole.stat(path)?.kind === "file" ? whole.useFile(path, (fd) => readElf(fd)) : undefined;
    if (elf?.soname === undefined || (elf.architecture !== wide && elf.architecture !== "i386")) return [];
    return [{ soname: elf.soname, path, architecture: elf.architecture, isOfImage: false, reason: "" }];
  });
}

function compatEntries(layer: Root): readonly LoaderEdit[] {
  const folder = Buffer.from(layer.readFile(COMPAT_CONF, MAX_CONF_BYTES) ?? EMPTY)
    .toString()
    .trim();
  const compat = folder.startsWith("/") ? readCompatLibraries(layer, folder) : undefined;
  return (compat?.libraries ?? []).map((library) => ({ ...library, isOfImage: true, reason: "" }));
}

/** `enable-cuda-compat`: the image's newer CUDA libraries go before the driver's, once `update-ldcache` has run. */
export function enableCudaCompat(update: ContainerUpdate, scene: HookScene): readonly string[] {
  return inContainer(scene, ({ view, layer }) => {
    const { entries, warnings } = findCompat(update, view);
    const [first] = entries;
    const place = findFilePlace(COMPAT_CONF, MAX_CONF_BYTES, {
      view,
      stateFolder: IN_MEMORY,
      bundleDir: scene.bundleDir,
    });
    if (place.kind !== "layer") return warnings;
    if (first !== undefined) {
      const content = Buffer.from(`${folderOf(first.path)}\n`);
      const edit = editFile(COMPAT_CONF, place, content, { view, stateFolder: "", bundleDir: scene.bundleDir });
      writeLayer(edit.rootfsWrites, layer, () => {});
    } else if (place.existing !== undefined) layer.unlink(COMPAT_CONF);
    return warnings;
  });
}

/** `update-application-profile`: as `updateContainer` does it, a file that this container alone has. */
export function updateApplicationProfile(scene: HookScene): readonly string[] {
  return inContainer(scene, ({ view, layer, whole }) => {
    const files = profile({ hasApplicationProfile: true }, whole).filter(
      ({ path }) => view.file(path).cover === undefined,
    );
    const points = files
      .filter(({ path }) => !view.file(path).exists)
      .map(({ path }) => writeToLayer(path, EMPTY, view));
    const warnings: string[] = [];
    writeLayer(points, layer, () => {
      const own = files.map(({ path, content }) => ({ path, bytes: Buffer.from(content) }));
      warnings.push(...mountForContainer(scene, whole, own));
    });
    return warnings;
  });
}

const PERMISSION_BITS = 0o7777;

/** `chmod`: of what is there, in the layer or in the container's own /dev, never in a volume and never through a link that leads out. */
export function changeModes(paths: readonly string[], mode: number, scene: HookScene): readonly string[] {
  return inContainer(scene, ({ view, whole }) => {
    return paths.flatMap((path) => {
      if (view.file(path).cover?.kind === "volume") return [`"${path}" keeps its mode: it is in a volume`];
      whole.changeMode(path, mode & PERMISSION_BITS);
      return [];
    });
  });
}

/** An octal mode. Throws BERTH-U001. */
export function readMode(text: string): number {
  if (/^[0-7]{1,5}$/.test(text)) return Number.parseInt(text, 8);
  const why =
    text === "" ? "a non-empty mode must be specified" : `failed to parse mode as octal: "${text.slice(0, 40)}"`;
  throw new BerthError({ code: "BERTH-U001", message: `Cannot change modes: ${why}`, remedy: "--mode 755" });
}
