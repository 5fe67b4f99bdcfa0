import type { Architecture, DeviceNode } from "../host/index.ts";

/**
 * What has to change in a container, in the terms of a CDI `containerEdits` and two that CDI lacks: links and loader
 * entries as data. Paths are the container's unless named otherwise; every item says why it is there.
 */
export interface Edits {
  readonly devices: readonly DeviceEdit[];
  readonly mounts: readonly MountEdit[];
  readonly links: readonly LinkEdit[];
  readonly loaderEntries: readonly LoaderEdit[];
  /** Replaced by name, never doubled. */
  readonly env: readonly EnvEdit[];
}

export interface DeviceEdit {
  readonly node: DeviceNode;
  readonly reason: string;
}

/** One bind mount of a file of the host. */
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
  readonly reason: string;
}

export interface EnvEdit {
  readonly name: string;
  readonly value: string;
  readonly reason: string;
}
