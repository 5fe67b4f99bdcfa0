import type { OwnedProcess } from "./read-process.ts";

/** What an engine says of a container. */
export interface KnownContainer {
  readonly id: string;
  /** Undefined: its control group does not tell. */
  readonly engine: string | undefined;
  readonly name: string | undefined;
  readonly image: string | undefined;
  /** Of Compose. */
  readonly project: string | undefined;
  /** Of Kubernetes. */
  readonly pod?: { readonly name: string; readonly namespace: string | undefined } | undefined;
  /** Whether its engine has it now; undefined: nobody could say. */
  readonly isListed?: boolean | undefined;
}

/** One who uses a GPU: all processes of a container, or of a user outside of containers. */
export interface GpuUser {
  /** Container's name, else its short id, else the unit or the program's name, else "pid N". */
  readonly name: string;
  readonly container: KnownContainer | undefined;
  readonly user: string | undefined;
  /** Undefined: the driver does not say it of each process. */
  readonly memoryBytes: number | undefined;
  readonly pids: readonly number[];
}

export interface UsersInput {
  /** Those of one GPU. */
  readonly processes: readonly { readonly pid: number; readonly memoryBytes?: number | undefined }[];
  readonly owned: ReadonlyMap<number, OwnedProcess>;
  /** By id. */
  readonly containers: ReadonlyMap<string, KnownContainer>;
  /** By number. */
  readonly userNames: ReadonlyMap<number, string>;
}

const SHORT_ID = 12;

/** Who uses a GPU, the most memory first. */
export function listUsers(input: UsersInput): readonly GpuUser[] {
  const users = new Map<string, GpuUser>();
  for (const process of input.processes) {
    const user = userOf(process, input);
    const key = `${user.container?.id ?? user.name} ${user.user ?? ""}`;
    const known = users.get(key);
    users.set(key, known === undefined ? user : together(known, user));
  }
  return [...users.values()].toSorted((a, b) => (b.memoryBytes ?? 0) - (a.memoryBytes ?? 0));
}

function userOf({ pid, memoryBytes }: UsersInput["processes"][number], input: UsersInput): GpuUser {
  const owned = input.owned.get(pid);
  const id = owned?.place.container?.id;
  const container = id === undefined ? undefined : input.containers.get(id);
  const uid = owned?.uid;
  return {
    name: id === undefined ? nameOutside(pid, owned) : nameInside(id, container),
    container,
    user: uid === undefined ? undefined : (input.userNames.get(uid) ?? String(uid)),
    memoryBytes,
    pids: [pid],
  };
}

/** "web-1", in Kubernetes "pod/container". */
export function nameInside(id: string, container: KnownContainer | undefined): string {
  const name = container?.name ?? shorten(id);
  return container?.pod === undefined ? name : `${container.pod.name}/${name}`;
}

/** As engines shorten their own ids; what is a name stays whole. */
function shorten(id: string): string {
  return /^[0-9a-f]{64}$/.test(id) ? id.slice(0, SHORT_ID) : id;
}

/** Of what is in no container. A scope says nothing of what runs in it. */
function nameOutside(pid: number, owned: OwnedProcess | undefined): string {
  return serviceOf(owned) ?? owned?.command ?? `pid ${pid}`;
}

/** Of systemd: "ollama" of "ollama.service". */
export function serviceOf(owned: OwnedProcess | undefined): string | undefined {
  return /^(.*)\.service$/.exec(owned?.place.unit ?? "")?.[1];
}

function together(a: GpuUser, b: GpuUser): GpuUser {
  const isKnown = a.memoryBytes !== undefined || b.memoryBytes !== undefined;
  return {
    ...a,
    memoryBytes: isKnown ? (a.memoryBytes ?? 0) + (b.memoryBytes ?? 0) : undefined,
    pids: [...a.pids, ...b.pids],
  };
}
