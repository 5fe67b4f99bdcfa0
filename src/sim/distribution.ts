import { posix } from "node:path";
import { loaderFlags, mergeLoaderCache, readElf, type CacheEntry } from "../linux/index.ts";
import { libraryFolder, libraryFolder32, MULTIARCH, systemLibraryFolder } from "./library-files.ts";
import type { SimProfile } from "./profile.ts";
import { textFile, type TreeEntry } from "./tree.ts";

/** What identifies the distribution, and what tells its loader where the libraries of `tree` are. */
export function distributionFiles(profile: SimProfile, tree: readonly TreeEntry[]): readonly TreeEntry[] {
  const folders = loaderFolders(profile);
  const { bytes } = mergeLoaderCache(undefined, { add: loaderEntries(tree, folders), removePaths: new Set() });
  return [
    ...identityFiles(profile),
    textFile("/etc/ld.so.conf", "include ld.so.conf.d/*.conf\n"),
    textFile("/etc/ld.so.conf.d/libraries.conf", folders.map((folder) => `${folder}\n`).join("")),
    { kind: "file", path: "/etc/ld.so.cache", mode: 0o644, content: bytes },
  ];
}

function identityFiles(profile: SimProfile): readonly TreeEntry[] {
  if (profile.layout !== "rhel") {
    return [
      textFile("/etc/debian_version", "12.9\n"),
      textFile("/etc/os-release", 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n'),
    ];
  }
  return [
    textFile("/etc/redhat-release", "Rocky Linux release 9.5 (Blue Onyx)\n"),
    textFile("/etc/os-release", 'ID="rocky"\nID_LIKE="rhel"\nVERSION_ID="9.5"\nPRETTY_NAME="Rocky Linux 9.5"\n'),
  ];
}

function loaderFolders(profile: SimProfile): readonly string[] {
  const main = libraryFolder(profile);
  switch (profile.platform) {
    case "wsl":
      return [main, "/usr/lib/wsl/lib"];
    case "tegra":
      return [`/usr/lib/${MULTIARCH}/tegra`, main];
    case "pci": {
      const folders32 = profile.workstation === undefined ? [] : [libraryFolder32(profile)];
      return [...new Set([main, systemLibraryFolder(profile), ...folders32])].flatMap((folder) => [
        folder,
        `${folder}/vdpau`,
      ]);
    }
  }
}

// ldconfig lists a library under its soname and under each name for linking, as a path in the library's folder.
function loaderEntries(tree: readonly TreeEntry[], folders: readonly string[]): readonly CacheEntry[] {
  const inFolders = tree.filter(({ path }) => folders.includes(posix.dirname(path)));
  const libraries = inFolders.flatMap(readLibrary);
  const flagsOf = new Map(libraries.map(({ path, flags }) => [path, flags]));
  const targets = new Map(inFolders.flatMap(readLink));
  const links = [...targets.keys()].flatMap((path): readonly (readonly [string, number])[] => {
    const flags = path.endsWith(".so") ? flagsOf.get(follow(path, targets)) : undefined;
    return flags === undefined ? [] : [[path, flags]];
  });
  const listed = new Map([...libraries.map(({ named, flags }) => [named, flags] as const), ...links]);
  return [...listed].map(([path, flags]) => ({ soname: posix.basename(path), path, flags, osVersion: 0, hwcap: 0n }));
}

/** `named`: the path of its soname beside it. */
function readLibrary(entry: TreeEntry) {
  if (entry.kind !== "file" || typeof entry.content === "string") return [];
  const { soname, architecture } = readElf(entry.content) ?? {};
  if (soname === undefined || architecture === undefined) return [];
  const { path } = entry;
  return [{ path, named: posix.join(posix.dirname(path), soname), flags: loaderFlags(architecture) }];
}

function readLink(entry: TreeEntry): readonly (readonly [path: string, target: string])[] {
  return entry.kind === "link" ? [[entry.path, posix.join(posix.dirname(entry.path), entry.target)]] : [];
}

function follow(path: string, targets: ReadonlyMap<string, string>): string {
  const target = targets.get(path);
  return target === undefined ? path : follow(target, targets);
}
