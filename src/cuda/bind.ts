import { dlopen, type FFITypeOrString } from "bun:ffi";
import { messageOf } from "../base/index.ts";
import { CudaError } from "./cuda-error.ts";

/** One function of a library, under each of its names, the newest first. Only names whose arguments have the same layout stand together. */
export interface EntryPoint {
  readonly names: readonly string[];
  readonly args: readonly FFITypeOrString[];
  /** An unsigned 32-bit number unless said otherwise. */
  readonly returns?: FFITypeOrString;
}

export type Argument = number | bigint | NodeJS.TypedArray;

/** A function that was found. */
export interface Bound {
  readonly name: string;
  readonly call: (...args: readonly Argument[]) => number | bigint;
}

type Call = Bound["call"];

/**
 * One function of a library, which is named by its path or as the loader finds it; undefined: it has none of these
 * names. Throws CudaError when it cannot be loaded.
 */
export function bind(library: string, { names, args, returns = "u32" }: EntryPoint): Bound | undefined {
  for (const name of names) {
    const call = find(library, name, { args, returns });
    if (call !== undefined) return { name, call };
  }
  return undefined;
}

/** Each is bound by itself: one name that is missing would lose all that are asked for together. */
function find(library: string, name: string, type: { args: readonly FFITypeOrString[]; returns: FFITypeOrString }) {
  try {
    const call: unknown = dlopen(library, { [name]: type }).symbols[name];
    return isCall(call) ? call : undefined;
  } catch (error) {
    // An older library has an older name, or none; that is an answer.
    if (/Symbol "[^"]*" not found/.test(reasonOf(error, library))) return undefined;
    throw new CudaError(`"${library}" cannot be loaded: ${reasonOf(error, library)}`);
  }
}

/** The C library's own words, without the file's name where they begin with it: Bun tries a name in the working folder, too, and says that one. */
function reasonOf(error: unknown, library: string): string {
  const why = messageOf(error);
  const at = why.lastIndexOf(`${library}: `);
  return at === -1 ? why : why.slice(at + library.length + 2);
}

function isCall(value: unknown): value is Call {
  return typeof value === "function";
}
