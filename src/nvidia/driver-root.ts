/** A driver's root below a host's: where that is not "/", the driver's is named as this machine has it, too. Both absolute. */
export function insideOf(root: string, path: string): string {
  return root !== "/" && (path === root || path.startsWith(`${root}/`)) ? path.slice(root.length) || "/" : path;
}
