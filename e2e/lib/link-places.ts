import { dirname } from "node:path";

/**
 * Groups paths of an image so that all links of a group can be tried in one start: the files of one folder of /usr are replaced at once, and a folder, which would take others with it,
 * alone. A start that refuses a group has not tried all of it.
 */
export function bySharedFolder(paths: readonly string[]): readonly (readonly string[])[] {
  const isFolder = (path: string): boolean => paths.some((other) => other.startsWith(`${path}/`));
  const groups = new Map<string, string[]>();
  for (const path of paths) {
    const name = isFolder(path) || !path.startsWith("usr/") ? path : `${dirname(path)}/*`;
    groups.set(name, [...(groups.get(name) ?? []), path]);
  }
  return [...groups.values()];
}
