/** Where a process belongs by its control groups. */
export interface Place {
  /** The container that this machine's own engine knows: of nested ones the outermost. */
  readonly container: PlacedContainer | undefined;
  /** The UID of its pod. */
  readonly pod: string | undefined;
  /** The service or scope of systemd, where it is in no container: "sshd.service", "session-3.scope". */
  readonly unit: string | undefined;
}

interface PlacedContainer {
  readonly id: string;
  readonly engine: Engine | undefined;
  /** Whose groups it is in, who can name them as he likes: a container of that user's own engine. Undefined: root's, or the system's. */
  readonly user: number | undefined;
}

type Engine = "docker" | "podman" | "containerd" | "cri-o" | "lxc";

interface Pattern {
  /** The first group is the id. */
  readonly pattern: RegExp;
  readonly engine: Engine | undefined;
}

/** One part of a path by which an engine names a container's group; systemd's scopes and the plain folders. */
const PATTERNS: readonly Pattern[] = [
  { pattern: /^docker-([0-9a-f]{64})\.scope$/, engine: "docker" },
  { pattern: /^libpod-(?:payload-)?([0-9a-f]{64})(?:\.scope)?$/, engine: "podman" },
  { pattern: /^cri-containerd-([0-9a-f]{64})\.scope$/, engine: "containerd" },
  { pattern: /^nerdctl-([0-9a-f]{64})\.scope$/, engine: "containerd" },
  // A systemd path that is used as a plain one: SLICE:PREFIX:ID.
  { pattern: /^[^:]*:cri-containerd:([0-9a-f]{64})$/, engine: "containerd" },
  { pattern: /^[^:]*:docker:([0-9a-f]{64})$/, engine: "docker" },
  { pattern: /^crio-([0-9a-f]{64})(?:\.scope)?$/, engine: "cri-o" },
  { pattern: /^lxc\.payload\.([A-Za-z0-9][A-Za-z0-9_.-]*)$/, engine: "lxc" },
  { pattern: /^([0-9a-f]{64})(?:\.scope)?$/, engine: undefined },
];
/** What the part before a bare id says. */
const PARENTS: Readonly<Record<string, Engine>> = { docker: "docker", libpod_parent: "podman" };
/** "pod" and its UID, which systemd's slices have with underscores. */
const POD = /(?:^|-)pod([0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}|[0-9a-f]{32})(?:\.slice)?$/;
const UNIT = /^[^/]+\.(?:service|scope)$/;

/** Reads /proc/PID/cgroup of either version: "3:devices:/docker/…", "0::/system.slice/…". */
export function parseCgroups(text: string): Place {
  const paths = text.split("\n").flatMap((line) => /^\d+:[^:]*:(\/.*)$/.exec(line)?.[1] ?? []);
  const places = [...new Set(paths)].map(placeOf);
  return (
    places.find(({ container }) => container !== undefined) ??
    places.find(({ unit }) => unit !== undefined) ?? { container: undefined, pod: undefined, unit: undefined }
  );
}

function placeOf(path: string): Place {
  const parts = path.split("/").filter((part) => part !== "");
  const found = parts.map((part, at) => containerOf(part, parts[at - 1])).find((each) => each !== undefined);
  const container = found === undefined ? undefined : { ...found, user: userOf(parts) };
  const pod = parts.map((part) => POD.exec(part)?.[1]).find((uid) => uid !== undefined);
  return {
    container,
    pod: pod?.replaceAll("_", "-"),
    unit: container === undefined ? parts.findLast((part) => UNIT.test(part)) : undefined,
  };
}

/** Of systemd's slice for a user. */
function userOf(parts: readonly string[]): number | undefined {
  const uid = parts.map((part) => /^user-(\d{1,10})\.slice$/.exec(part)?.[1]).find((each) => each !== undefined);
  return uid === undefined || uid === "0" ? undefined : Number(uid);
}

function containerOf(part: string, parent: string | undefined): Omit<PlacedContainer, "user"> | undefined {
  for (const { pattern, engine } of PATTERNS) {
    const id = pattern.exec(part)?.[1];
    if (id !== undefined) return { id, engine: engine ?? PARENTS[parent ?? ""] };
  }
  return parent === "lxc" ? { id: part, engine: "lxc" } : undefined;
}
