import type { JsonObject } from "../base/index.ts";
import { annotationsOf, type Bundle } from "../oci/index.ts";
import { readDockerRecord } from "./docker-folder.ts";

/** What people call a container; "" is what nobody says. */
export interface ContainerNames {
  /** "docker", "podman", "cri" */
  readonly engine: string;
  readonly name: string;
  readonly image: string;
  /** Of Docker Compose; the namespace of a pod. */
  readonly project: string;
}

const CRI = "io.kubernetes.cri.";
const CRIO = "io.kubernetes.cri-o.";
const COMPOSE = "com.docker.compose.project";

/** What the engine that starts a container says of it: Docker in its folder, containerd, cri-o and podman by annotations. For people only, best effort. */
export function readNames(bundle: Bundle, containerId: string): ContainerNames {
  const record = readDockerRecord(bundle, containerId);
  if (record === undefined) return namesIn(bundle.spec);
  const { name, image, labels } = record;
  return { engine: "docker", name, image, project: labels.get(COMPOSE) ?? "" };
}

function namesIn(spec: JsonObject): ContainerNames {
  const annotations = annotationsOf(spec);
  const first = (...keys: readonly string[]): string => {
    return keys.map((key) => annotations.get(key) ?? "").find((value) => value !== "") ?? "";
  };
  const has = (prefix: string): boolean => [...annotations.keys()].some((key) => key.startsWith(prefix));
  const engine = has(CRI) || has(CRIO) ? "cri" : has("io.podman.") || has("org.opencontainers.image.") ? "podman" : "";
  return {
    engine,
    name: first(`${CRI}container-name`, `${CRIO}ContainerName`, `${CRIO}Name`),
    image: first(`${CRI}image-name`, `${CRIO}ImageName`, `${CRIO}Image`),
    project: first(`${CRI}sandbox-namespace`, "io.kubernetes.pod.namespace", COMPOSE),
  };
}
