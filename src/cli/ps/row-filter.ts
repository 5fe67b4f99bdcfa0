import { BerthError, nearest } from "../../base/index.ts";
import { normalizePciAddress } from "../../host/index.ts";
import type { GpusView } from "../gpus/gpu-view.ts";
import { projectOf } from "../gpus/row-columns.ts";
import type { UseRow } from "../gpus/list-rows.ts";

/** Which rows are wanted; of each kind of words one must fit. */
export interface RowFilter {
  readonly gpu?: readonly string[];
  readonly user?: readonly string[];
  readonly container?: readonly string[];
  readonly project?: readonly string[];
  readonly uid?: number | undefined;
  readonly orphans?: boolean;
}

/** A part of an id that means a container. */
const LEAST_ID = 4;

/** Whether a row is wanted. Throws BERTH-W001 where a GPU is named that there is not. */
export function isWanted(filter: RowFilter, view: GpusView): (row: UseRow) => boolean {
  const gpus = filter.gpu?.map((word) => findGpu(word, view));
  const { user, container, project, uid, orphans = false } = filter;
  const tests: readonly ((row: UseRow) => boolean)[] = [
    ...(gpus === undefined ? [] : [(row: UseRow) => gpus.some((isIt) => isIt(row))]),
    ...(user === undefined
      ? []
      : [(row: UseRow) => user.some((word) => word === row.user || word === String(row.uid))]),
    ...(container === undefined ? [] : [(row: UseRow) => container.some((word) => isContainer(row, word))]),
    ...(project === undefined ? [] : [(row: UseRow) => project.some((word) => word === projectOf(row))]),
    ...(uid === undefined ? [] : [(row: UseRow) => row.uid === uid]),
    ...(orphans ? [(row: UseRow) => row.orphan !== undefined] : []),
  ];
  return (row) => tests.every((isIt) => isIt(row));
}

function findGpu(word: string, view: GpusView): (row: UseRow) => boolean {
  const isWord = (...names: readonly (string | undefined)[]): boolean =>
    names.some((name) => name?.toLowerCase() === word.toLowerCase());
  const gpu = view.gpus.find(
    ({ index, uuid, bus }) =>
      isWord(index === undefined ? undefined : String(index), uuid) ||
      (bus !== undefined && normalizePciAddress(word) === bus),
  );
  if (gpu !== undefined) return (row) => row.gpuIndex === gpu.index;
  const part = view.gpus.flatMap(({ parts }) => parts).find(({ name, uuid }) => isWord(name, uuid));
  if (part !== undefined) return (row) => row.gpu === part.name;
  const names = view.gpus.flatMap(({ index, uuid, parts }) => [
    String(index),
    uuid ?? "",
    ...parts.map(({ name }) => name),
  ]);
  const hint = nearest(word, names);
  throw new BerthError({
    code: "BERTH-W001",
    message: `Cannot show GPU "${word}": no GPU and no MIG device of this host has this name${hint === undefined ? "" : `; did you mean "${hint}"?`}`,
    remedy: "list them: berth gpus",
  });
}

function isContainer({ container, place }: UseRow, word: string): boolean {
  if (container === undefined) return false;
  const isId = word.length >= LEAST_ID && container.id.startsWith(word.toLowerCase());
  return isId || [container.name, container.pod?.name, place].includes(word);
}
