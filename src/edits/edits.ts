import type { Architecture, DeviceNode } from "../host/index.ts";

/**
 * What has to change in a container, in the terms of a CDI `containerEdits` and three that CDI lacks: links, loader entries and small files as data. Paths are
 * the container's unless named otherwise; every item says why it is there.
 */
export interface Edits {
  readonly devices: readonly DeviceEdit[];
  readonly mounts: readonly MountEdit[];
  readonly links: readonly LinkEdit[];
  /** Of two for one name the first is what the loader takes. */
  readonly loaderEntries: readonly LoaderEdit[];
  /** Replaced by name, never doubled. */
  readonly env: readonly EnvEdit[];
  /** Further groups of the container's process. */
  readonly groups: readonly GroupEdit[];
  readonly files: readonly FileEdit[];
}

export interface DeviceEdit {
  readonly node: DeviceNode;
  readonly reason: string;
}

/** One bind mount of a file or folder of the host. */
export interface MountEdit {
  readonly hostPath: string;
  readonly containerPath: string;
  /** `library` and `binary` may move to another folder when theirs is covered by a volume. */
  readonly kind: "library" | "binary" | "firmware" | "socket" | "config" | "xorg";
  readonly options: readonly string[];
  readonly reason: string;
}

export interface LinkEdit {
  readonly path: string;
  readonly target: string;
  readonly reason: string;
}

/** One name that the container's loader must find. */
export interface LoaderEdit {
  readonly soname: string;
  /** The file itself, not the link. */
  readonly path: string;
  readonly architecture: Architecture;
  /** A file of the image: the container can do without the entry, and starts with the driver's own then. */
  readonly isOfImage: boolean;
  readonly reason: string;
}

export interface EnvEdit {
  readonly name: string;
  readonly value: string;
  readonly reason: string;
}

export interface GroupEdit {
  readonly gid: number;
  readonly reason: string;
}

/** A file that exists for this container only, for reading. */
export interface FileEdit {
  readonly path: string;
  readonly content: string;
  readonly reason: string;
}
