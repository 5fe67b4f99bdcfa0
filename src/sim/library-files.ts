import type { Programs } from "./embedded.ts";
import { libraryNames, type SimLibrary } from "./libraries.ts";
import { patchDriverTable, patchSoname } from "./patch.ts";
import type { SimProfile } from "./profile.ts";
import type { TreeEntry } from "./tree.ts";

/** "x86_64-linux-gnu": where Debian keeps the libraries of this machine. */
export const MULTIARCH = process.arch === "arm64" ? "aarch64-linux-gnu" : "x86_64-linux-gnu";

/** What the files of libraries are made from. */
export interface Source {
  readonly profile: SimProfile;
  readonly programs: Programs;
}

/** A driver that did not come from the distribution's packages: libraries and programs in a folder of their own. */
export const OWN_FOLDER = "/usr/local/nvidia";

/** Where the driver's libraries are. */
export function libraryFolder({ layout }: Pick<SimProfile, "layout">): string {
  return layout === "own-folder" ? `${OWN_FOLDER}/lib64` : systemLibraryFolder({ layout });
}

/** Where the distribution keeps its libraries. */
export function systemLibraryFolder({ layout }: Pick<SimProfile, "layout">): string {
  return layout === "rhel" ? "/usr/lib64" : `/usr/lib/${MULTIARCH}`;
}

/** Where it keeps those for 32-bit programs, which only x86-64 has. */
export function libraryFolder32({ layout }: Pick<SimProfile, "layout">): string {
  return layout === "rhel" ? "/usr/lib" : "/usr/lib/i386-linux-gnu";
}

/** A library below `folder` under its file name, and its other names. */
export function libraryEntries(library: SimLibrary, folder: string, source: Source): readonly TreeEntry[] {
  const { soname } = libraryNames(library, source.profile.driver?.version ?? "");
  return placeLibrary(library, folder, { source, content: libraryBytes(library.name, soname, source) });
}

/** The same for 32-bit programs; nothing where there is no compiler for them. None of these can be called. */
export function libraryEntries32(library: SimLibrary, folder: string, source: Source): readonly TreeEntry[] {
  const { stub32 } = source.programs;
  if (stub32 === undefined) return [];
  const { soname } = libraryNames(library, source.profile.driver?.version ?? "");
  return placeLibrary(library, folder, { source, content: patchSoname(stub32, soname) });
}

/** A file that is a library of this soname: the simulated NVML and CUDA under their names, else one that nobody can call. */
export function libraryFile(path: string, soname: string, source: Source): TreeEntry {
  const name = soname.slice(0, soname.indexOf(".so"));
  return { kind: "file", path, mode: 0o644, content: libraryBytes(name, soname, source) };
}

function placeLibrary(
  library: SimLibrary,
  parent: string,
  { source, content }: { readonly source: Source; readonly content: Uint8Array },
): readonly TreeEntry[] {
  const { file, soname, linkName } = libraryNames(library, source.profile.driver?.version ?? "");
  const folder = library.folder === undefined ? parent : `${parent}/${library.folder}`;
  const entries: TreeEntry[] = [{ kind: "file", path: `${folder}/${file}`, mode: 0o644, content }];
  if (soname !== file) entries.push({ kind: "link", path: `${folder}/${soname}`, target: file });
  if (linkName !== undefined) entries.push({ kind: "link", path: `${folder}/${linkName}`, target: soname });
  return entries;
}

function libraryBytes(name: string, soname: string, { profile, programs }: Source): Uint8Array {
  if (name === "libnvidia-ml") return patchDriverTable(programs.nvml, profile);
  if (name === "libcuda") return patchDriverTable(programs.cuda, profile);
  return patchSoname(programs.stub, soname);
}
