import { askerIn, type Holding, type LeaseEvent } from "../../leases/index.ts";
import type { Subject } from "./tally.ts";

export type Aspect = "user" | "project" | "image" | "gpu" | "container";

/** Whose a lease is, once for each of its devices. `users` are the names of this machine's users, `gpuName` names a GPU by its key. */
export function subjectsOf(
  by: Aspect,
  users: ReadonlyMap<number, string>,
  gpuName: (key: string) => string,
): (holding: Holding) => readonly Subject[] {
  return (holding) =>
    holding.devices.map(({ key }) => (by === "gpu" ? { key, name: gpuName(key) } : subjectOf(holding, by, users)));
}

function subjectOf(
  { uid, container }: Holding,
  by: Exclude<Aspect, "gpu">,
  users: ReadonlyMap<number, string>,
): Subject {
  switch (by) {
    case "user":
      return userSubject(uid, users);
    case "project":
      return named(container?.project);
    case "image":
      return named(container?.image);
    case "container":
      return named(container?.name || container?.id.slice(0, 12));
  }
}

/** Who was refused. Only user and container are written down of that. */
export function deniedSubject(event: LeaseEvent, by: Aspect, users: ReadonlyMap<number, string>): Subject {
  const asker = askerIn(event);
  if (by === "user" && asker !== undefined) return userSubject(asker.uid, users);
  return named(by === "container" ? asker?.container : "");
}

function userSubject(uid: number, users: ReadonlyMap<number, string>): Subject {
  return { key: String(uid), name: users.get(uid) ?? String(uid) };
}

function named(text: string | undefined = ""): Subject {
  return { key: text, name: text };
}
