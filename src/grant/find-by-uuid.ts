import { BerthError } from "../base/index.ts";

/** Something with a UUID, which may not be known yet. */
export interface Candidate<T> {
  readonly uuid: string | undefined;
  readonly item: T;
  /** For a "did you mean": "GPU 3". */
  readonly name: string;
}

/** How a search says that it found nothing. */
export interface Failure {
  /** "no GPU of this host has this UUID" */
  readonly nothing: string;
  /** Why UUIDs are not known, and what makes them known. */
  readonly unknown: { readonly why: string; readonly remedy: string };
}

/** Four wrong digits are a slip, more are another device. */
const MAX_SLIPS = 4;

/**
 * The one candidate whose UUID begins with `prefix`. While some UUID is not known only a whole one will do: the unknown one may begin in the same way.
 * Throws BERTH-R001 when there is none, or more than one.
 */
export function findByUuid<T>(prefix: string, candidates: readonly Candidate<T>[], failure: Failure): T {
  const [found, ...others] = candidates.filter(({ uuid }) => startsWith(uuid, prefix));
  const isAnyUnknown = candidates.some(({ uuid }) => uuid === undefined);
  if (others.length > 0) throw ambiguous(prefix, others.length + 1);
  if (found !== undefined && (!isAnyUnknown || found.uuid?.length === prefix.length)) return found.item;
  if (isAnyUnknown) throw notFound(prefix, failure.unknown.why, failure.unknown.remedy);
  const near = candidates.find(({ uuid }) => uuid !== undefined && countSlips(uuid, prefix) <= MAX_SLIPS);
  const hint = near === undefined ? "" : `; did you mean ${near.uuid} (${near.name})?`;
  throw notFound(prefix, failure.nothing + hint, 'list the devices with "berth host"');
}

function ambiguous(prefix: string, count: number): BerthError {
  return notFound(prefix, `it is the beginning of ${count} UUIDs`, 'write more of it ("berth host" lists them)');
}

/** The BERTH-R001 error for a device. */
export function notFound(device: string, why: string, remedy: string): BerthError {
  return new BerthError({ code: "BERTH-R001", message: `Cannot find ${device}: ${why}`, remedy });
}

function startsWith(uuid: string | undefined, prefix: string): boolean {
  return uuid?.toLowerCase().startsWith(prefix.toLowerCase()) ?? false;
}

/** How many characters of two texts of one length differ. */
function countSlips(one: string, other: string): number {
  const [a, b] = [one.toLowerCase(), other.toLowerCase()];
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  return a.split("").filter((character, index) => character !== b[index]).length;
}
