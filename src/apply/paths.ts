/** Whether `path` is `folder` or below it, component by component: "/usr/lib64" is not within "/usr/lib". */
export function isWithin(path: string, folder: string): boolean {
  if (folder === "/" || path === folder) return true;
  return path.startsWith(folder) && path.charCodeAt(folder.length) === 47;
}

/** The folder of an absolute path: "/" for "/a". */
export function folderOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash <= 0 ? "/" : path.slice(0, slash);
}

/** The last component of a path. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** A name in a folder, as an absolute path. */
export function inFolder(folder: string, name: string): string {
  return folder === "/" ? `/${name}` : `${folder}/${name}`;
}

/** Absolute, without "", "." and ".." components: `path` itself when relative links are not at stake. */
export function cleanPath(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}

/** Where a link leads, from its own path and its text. */
export function linkDestination(path: string, target: string): string {
  return cleanPath(target.startsWith("/") ? target : `${folderOf(path)}/${target}`);
}

/** Whether a path is absolute, clean, and free of characters that would end or split a line of a record. */
export function isPlainPath(path: string): boolean {
  // oxlint-disable-next-line no-control-regex -- finding control characters is the point
  if (path.length > 4095 || /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(path)) return false;
  return path !== "/" && cleanPath(path) === path;
}

/** Whether a folder may stand on a line of ld.so.conf or ld-musl-*.path: no sign there has a meaning of its own. */
export function isConfPath(path: string): boolean {
  return isPlainPath(path) && !/[#:=\s]/.test(path);
}
