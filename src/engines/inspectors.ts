import { effectiveUid } from "../linux/index.ts";
import { findClient, type ClientScene } from "./ask-client.ts";
import type { FindOptions } from "./find-container.ts";
import type { Inspector } from "./inspect-container.ts";
import { podmanFor } from "./podman-users.ts";

export interface InspectorOptions extends Pick<FindOptions, "env" | "timeoutMs" | "asker"> {
  /** Undefined: both, Docker first. */
  readonly engine?: "docker" | "podman" | undefined;
}

const TIMEOUT_MS = 10_000;

/** The clients of Docker and podman that are installed, ready to be asked. */
export function findInspectors({ env, timeoutMs = TIMEOUT_MS, asker, engine }: InspectorOptions): readonly Inspector[] {
  const scene: ClientScene = { env, timeoutMs };
  const clientOf = (name: "docker" | "podman"): string | undefined =>
    engine === undefined || engine === name ? findClient(name, scene) : undefined;
  const [docker, podman] = [clientOf("docker"), clientOf("podman")];
  const who = asker ?? { uid: effectiveUid(), passwd: "/etc/passwd" };
  return [
    ...(docker === undefined
      ? []
      : [{ engine: "docker", by: "docker", user: undefined, argv: [docker], scene } as const]),
    ...(podman === undefined ? [] : podmanFor(podman, scene, who)),
  ];
}
