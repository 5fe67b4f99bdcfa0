import { readdirSync } from "node:fs";
import { join } from "node:path";
import { errnoCode, tryJson } from "../base/index.ts";
import { readText } from "../linux/index.ts";
import { entriesAt, isTable, type Table } from "./any-value.ts";
import type { ListedContainer, Listing } from "./list-containers.ts";

/** A spec of a container with hundreds of mounts has some 100 KB. */
const MAX_BYTES = 8 * 2 ** 20;
/** Where distributions of Kubernetes and containerd itself have their state. */
const CONTAINERD_STATES = [
  "run/containerd",
  "run/k3s/containerd",
  "run/k0s/containerd",
  "var/snap/microk8s/common/run/containerd",
] as const;
/** One folder for each namespace, in it one for each task: its bundle (containerd 1.x and 2.x, runtime v2). */
const TASKS = "io.containerd.runtime.v2.task";
/** One folder for each container of containers/storage; cri-o keeps the spec in its "userdata". */
const CRIO = "run/containers/storage/overlay-containers";
/** What Docker has in containerd is asked of Docker. */
const OF_DOCKER = "moby";

/** Which annotations of a spec say the names, in the order of trust. */
interface Names {
  readonly name: readonly string[];
  readonly image: readonly string[];
  readonly podName: string;
  readonly podNamespace: string;
}

/** containerd's plugin for Kubernetes; nerdctl, whose labels are annotations, too. */
const OF_CONTAINERD: Names = {
  name: ["io.kubernetes.cri.container-name", "nerdctl/name"],
  image: ["io.kubernetes.cri.image-name", "nerdctl/image-name"],
  podName: "io.kubernetes.cri.sandbox-name",
  podNamespace: "io.kubernetes.cri.sandbox-namespace",
};

/** cri-o, pkg/annotations. */
const OF_CRIO: Names = {
  name: ["io.kubernetes.container.name"],
  image: ["io.kubernetes.cri-o.ImageName", "io.kubernetes.cri-o.Image"],
  podName: "io.kubernetes.pod.name",
  podNamespace: "io.kubernetes.pod.namespace",
};

/**
 * The tasks of containerd on this machine (`root`: "/"), by the bundles that lie on its disk: of those whose ids are wanted with the names of nerdctl or Kubernetes. No listing where
 * the folder is not there or this user may not look into it.
 */
export function listContainerd(root: string, ids: ReadonlySet<string>): readonly Listing[] {
  const found = CONTAINERD_STATES.flatMap((state) => {
    const tasks = tasksIn(join(root, state, TASKS));
    return tasks === undefined ? [] : [tasks];
  });
  const containers = found.flat().map((task) => describe("containerd", task, ids));
  return found.length === 0 ? [] : [{ engine: "containerd", user: undefined, containers }];
}

function tasksIn(folder: string): readonly Bundle[] | undefined {
  const namespaces = foldersIn(folder)?.filter((name) => name !== OF_DOCKER);
  return namespaces?.flatMap((namespace) =>
    (foldersIn(join(folder, namespace)) ?? []).map((id) => ({ id, file: join(folder, namespace, id, "config.json") })),
  );
}

/** The same of cri-o. */
export function listCrio(root: string, ids: ReadonlySet<string>): readonly Listing[] {
  const folder = join(root, CRIO);
  const bundles = foldersIn(folder)?.map((id) => ({ id, file: join(folder, id, "userdata/config.json") }));
  if (bundles === undefined) return [];
  return [{ engine: "cri-o", user: undefined, containers: bundles.map((bundle) => describe("cri-o", bundle, ids)) }];
}

interface Bundle {
  readonly id: string;
  readonly file: string;
}

function describe(engine: "containerd" | "cri-o", { id, file }: Bundle, ids: ReadonlySet<string>): ListedContainer {
  const bare = { id, engine, user: undefined, name: undefined, image: undefined, project: undefined };
  const annotations = ids.has(id) ? readAnnotations(file) : undefined;
  return annotations === undefined ? bare : { ...bare, ...namesIn(annotations, engine) };
}

function namesIn(annotations: ReadonlyMap<string, string>, engine: "containerd" | "cri-o") {
  const names = engine === "cri-o" ? OF_CRIO : OF_CONTAINERD;
  const first = (keys: readonly string[]): string | undefined =>
    keys.map((key) => annotations.get(key)).find((value) => value !== undefined && value !== "");
  const podName = first([names.podName]);
  return {
    name: first(names.name),
    image: first(names.image),
    project: first(["com.docker.compose.project"]),
    pod: podName === undefined ? undefined : { name: podName, namespace: first([names.podNamespace]) },
  };
}

/** Undefined: the bundle went, is no one's to read, or is no spec. */
function readAnnotations(file: string): ReadonlyMap<string, string> | undefined {
  const spec = tryJson(orNone(() => readText(file, MAX_BYTES)) ?? "");
  return isTable(spec) ? new Map(textEntries(spec)) : undefined;
}

function textEntries(spec: Table): readonly (readonly [string, string])[] {
  return entriesAt(spec, "annotations").flatMap(([key, value]) =>
    typeof value === "string" ? [[key, value] as const] : [],
  );
}

function foldersIn(folder: string): readonly string[] | undefined {
  return orNone(() =>
    readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name),
  );
}

function orNone<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (thrown) {
    if (["ENOENT", "ENOTDIR", "EACCES", "EPERM", "BERTH-D004"].includes(errnoCode(thrown) ?? "")) return undefined;
    throw thrown;
  }
}
