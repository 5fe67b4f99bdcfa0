/** One thing in the folder of a simulated host. `path` is absolute within it; folders above it are made with 0755. */
export type TreeEntry =
  | { readonly kind: "folder"; readonly path: string; readonly mode: number }
  | { readonly kind: "file"; readonly path: string; readonly mode: number; readonly content: string | Uint8Array }
  | { readonly kind: "link"; readonly path: string; readonly target: string }
  | {
      readonly kind: "device";
      readonly path: string;
      readonly mode: number;
      readonly major: number;
      readonly minor: number;
      /** The number of its group; undefined: root's. */
      readonly group?: number;
    }
  | { readonly kind: "socket"; readonly path: string; readonly mode: number };

/** A file that everybody may read. */
export function textFile(path: string, content: string): TreeEntry {
  return { kind: "file", path, mode: 0o644, content };
}

/** A file that everybody may read and run. */
export function programFile(path: string, content: string | Uint8Array): TreeEntry {
  return { kind: "file", path, mode: 0o755, content };
}

/** A character device; open to all unless a mode says otherwise. */
export function deviceNode(path: string, major: number, minor: number, more: NodeAccess = {}): TreeEntry {
  return { kind: "device", path, mode: 0o666, major, minor, ...more };
}

interface NodeAccess {
  readonly mode?: number;
  readonly group?: number;
}
