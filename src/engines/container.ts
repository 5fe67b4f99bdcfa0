/** An engine that can be asked for a container. */
export const CONTAINER_ENGINES = ["docker", "podman", "containerd"] as const;
export type ContainerEngine = (typeof CONTAINER_ENGINES)[number];

/** A container that runs on this machine. */
export interface FoundContainer {
  readonly engine: ContainerEngine;
  /** The whole id. */
  readonly id: string;
  /** Of containerd, which knows no names: the id. */
  readonly name: string;
  /** Its first process, as this machine counts. */
  readonly pid: number;
  /** Of containerd: "k8s.io", "default". */
  readonly namespace: string | undefined;
  /** The user, by number, whose podman has it; undefined: whoever asks. */
  readonly user: number | undefined;
}

/** What an engine says of a name. */
export type Answer =
  | { readonly kind: "running"; readonly container: FoundContainer; readonly startedAt: string | undefined }
  /** `status`: "exited", "created". */
  | { readonly kind: "stopped"; readonly container: Omit<FoundContainer, "pid">; readonly status: string }
  /** It has none, or cannot be asked. `by`: "docker", "podman of user 1000"; `why`: "No such container: web". */
  | { readonly kind: "nothing"; readonly by: string; readonly why: string };
