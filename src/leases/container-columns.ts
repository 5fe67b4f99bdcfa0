import type { LeasedContainer } from "./lease.ts";

/** A container as the columns of a row; all of them "" where there is none. */
export interface ContainerColumns {
  readonly containerId: string;
  readonly containerState: string;
  readonly engine: string;
  readonly containerName: string;
  readonly image: string;
  readonly project: string;
  readonly containerUser: string;
}

/** What comes from outside is kept up to this length. */
const MAX_TEXT = 512;

export function toColumns(container: LeasedContainer | undefined): ContainerColumns {
  const { id = "", state = "", engine = "", name = "", image = "", project = "", user = "" } = container ?? {};
  return {
    containerId: id,
    containerState: state,
    engine: cut(engine),
    containerName: cut(name),
    image: cut(image),
    project: cut(project),
    containerUser: cut(user),
  };
}

export function fromColumns(row: ContainerColumns): LeasedContainer | undefined {
  if (row.containerId === "") return undefined;
  return {
    id: row.containerId,
    state: row.containerState,
    engine: row.engine,
    name: row.containerName,
    image: row.image,
    project: row.project,
    user: row.containerUser,
  };
}

function cut(text: string): string {
  return text.slice(0, MAX_TEXT);
}
