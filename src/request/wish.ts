import { BerthError, nearest, parseStrictInteger } from "../base/index.ts";

/** Which GPUs somebody wants without naming them. What is undefined does not matter. */
export interface Wish {
  /** How many, at least 1. */
  readonly count: number;
  /** At least that much memory in all, used or not. */
  readonly memoryBytes: number | undefined;
  /** At least that compute capability, major and minor. */
  readonly computeCapability: readonly [number, number] | undefined;
  /** What the model's name holds; case does not matter. */
  readonly model: string | undefined;
  /** Each joined to each other by NVLink. */
  readonly link: "nvlink" | undefined;
  readonly numaNode: number | undefined;
  /** MIG devices of that profile ("1g.10gb") in place of whole GPUs. */
  readonly migProfile: string | undefined;
  /** Nobody else gets them by name either. */
  readonly isExclusive: boolean;
  /** Where they cannot be had it goes without. */
  readonly isOptional: boolean;
  /** The lease that was taken for this before; where it is gone, or somebody else's, another one. */
  readonly lease: string | undefined;
}

type Conditions = Partial<Omit<Wish, "count">>;

/** One key: how it is compared, what stands behind it, and what its value means (undefined: nothing). */
interface Key {
  readonly sign: ">=" | "=" | "~";
  readonly example: string;
  readonly read: (value: string) => Conditions | undefined;
}

/** Words by which a list of devices is a wish; `optional` alone is `any:1,optional`. */
const FIRST = ["any", "auto"];
const OPTIONAL = "optional";

/** Far more than a machine can hold. */
const MAX_COUNT = 0xffff;
const MAX_LENGTH = 512;
const MAX_NUMA = 1023;

/** Whether a list of devices is a wish for any: its first part is `any`, `any:N`, `auto`, `auto:N` or `optional`. */
export function isWish(text: string): boolean {
  const [first = ""] = text.split(",", 1);
  return /^\s*(?:(?:any|auto)(?::.*)?|optional)\s*$/is.test(first);
}

/**
 * Reads a wish: `any`, `any:2`, `any:2,mem>=40G,cc>=8.6,model~A100,link=nvlink,numa=0,mig=1g.10gb,exclusive,optional,lease=ID`; `auto` is `any`, and `optional` alone `any:1,optional`. Sizes are as they are sold: G is 10^9
 * bytes, GiB 2^30. Throws BERTH-A001.
 */
export function parseWish(text: string): Wish {
  if (text.length > MAX_LENGTH) throw refuse(`${text.slice(0, 40)}…`, `it has more than ${MAX_LENGTH} characters`);
  const [first = "", ...parts] = text.split(",").map((part) => part.trim());
  const isBare = first.toLowerCase() === OPTIONAL;
  const wish: Wish = { ...blank(), count: isBare ? 1 : readCount(first, text), isOptional: isBare };
  const conditions = parts.map((part) => readCondition(part, text));
  const names = conditions.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw refuse(text, `it says "${twice}" twice`);
  return conditions.reduce((sum, { value }) => ({ ...sum, ...value }), wish);
}

/** The wish in its shortest words; `parseWish` reads the same wish from it. */
export function formatWish(wish: Wish): string {
  const { memoryBytes, computeCapability, model, link, numaNode, migProfile, isExclusive, isOptional, lease } = wish;
  const parts = [
    `any:${wish.count}`,
    memoryBytes === undefined ? "" : `mem>=${formatSize(memoryBytes)}`,
    computeCapability === undefined ? "" : `cc>=${computeCapability.join(".")}`,
    model === undefined ? "" : `model~${model}`,
    link === undefined ? "" : `link=${link}`,
    numaNode === undefined ? "" : `numa=${numaNode}`,
    migProfile === undefined ? "" : `mig=${migProfile}`,
    isExclusive ? "exclusive" : "",
    isOptional ? OPTIONAL : "",
    lease === undefined ? "" : `lease=${lease}`,
  ];
  return parts.filter((part) => part !== "").join(",");
}

function blank(): Wish {
  return {
    count: 1,
    memoryBytes: undefined,
    computeCapability: undefined,
    model: undefined,
    link: undefined,
    numaNode: undefined,
    migProfile: undefined,
    isExclusive: false,
    isOptional: false,
    lease: undefined,
  };
}

function readCount(first: string, text: string): number {
  const [, word = "", number] = /^([^:]*)(?::(.*))?$/s.exec(first) ?? [];
  if (!FIRST.includes(word.toLowerCase())) throw refuse(text, notAny(word));
  if (number === undefined) return 1;
  const count = parseStrictInteger(number, MAX_COUNT);
  if (count === 0) throw refuse(text, "it asks for no GPU");
  if (count === undefined) throw refuse(text, `"${number}" is not a number of GPUs`);
  return count;
}

function notAny(word: string): string {
  const near = nearest(word, [...FIRST, OPTIONAL], 2);
  return `it does not begin with "any"${near === undefined ? "" : `; did you mean "${near}"?`}`;
}

function readCondition(part: string, text: string): { readonly name: string; readonly value: Conditions } {
  const [, name = "", sign = "", value = ""] = /^([a-z]*)\s*([<>=~!]*)\s*(.*)$/is.exec(part) ?? [];
  const key = keys().get(name.toLowerCase());
  const word = Object.hasOwn(WORDS, part.toLowerCase()) ? WORDS[part.toLowerCase()] : undefined;
  if (word !== undefined) return { name: part.toLowerCase(), value: word };
  if (key === undefined) throw refuse(text, unknownKey(part, name));
  if (sign !== key.sign) throw refuse(text, `"${part}" is not understood: ${wrongSign(name, sign, key)}`);
  const read = key.read(value);
  if (read === undefined) throw refuse(text, `"${value}" is nothing that "${name}" can be, as in ${key.example}`);
  return { name: name.toLowerCase(), value: read };
}

function wrongSign(name: string, sign: string, key: Key): string {
  const why = `"${name}" goes with "${key.sign}", as in ${key.example}`;
  return sign === "" && key.sign.startsWith(">")
    ? `${why}; a shell takes ">" for itself where there are no quotes`
    : why;
}

/** Conditions that are one word. */
const WORDS: Readonly<Record<string, Conditions>> = {
  exclusive: { isExclusive: true },
  optional: { isOptional: true },
};

function unknownKey(part: string, name: string): string {
  if (part === "") return "there is nothing between two commas or behind the last";
  if (part.toLowerCase() === "shared") return '"shared" goes with GPUs that are named, as in 0,1,shared';
  const known = [...keys().keys(), ...Object.keys(WORDS)];
  const near = known.find((each) => name.toLowerCase().startsWith(each)) ?? nearest(name, known);
  return `"${part}" is no condition${near === undefined ? `: there are ${known.join(", ")}` : `; did you mean "${near}"?`}`;
}

function keys(): ReadonlyMap<string, Key> {
  return new Map<string, Key>([
    ["mem", { sign: ">=", example: "mem>=40G", read: (value) => wrap("memoryBytes", parseSize(value)) }],
    ["cc", { sign: ">=", example: "cc>=8.6", read: (value) => wrap("computeCapability", parseCapability(value)) }],
    [
      "model",
      {
        sign: "~",
        example: "model~A100",
        read: (value) => wrap("model", match(value, /^[\x21-\x2b\x2d-\x7e][\x20-\x2b\x2d-\x7e]{0,63}$/)),
      },
    ],
    [
      "link",
      {
        sign: "=",
        example: "link=nvlink",
        read: (value) => (value.toLowerCase() === "nvlink" ? { link: "nvlink" } : undefined),
      },
    ],
    ["numa", { sign: "=", example: "numa=0", read: (value) => wrap("numaNode", parseStrictInteger(value, MAX_NUMA)) }],
    [
      "mig",
      {
        sign: "=",
        example: "mig=1g.10gb",
        read: (value) => wrap("migProfile", match(value.toLowerCase(), /^[0-9][0-9a-z.+-]{0,39}$/)),
      },
    ],
    [
      "lease",
      {
        sign: "=",
        example: "lease=3fa21b07c4d84e0f9a5d5e1f6b7c8d90",
        read: (value) => wrap("lease", match(value.toLowerCase(), /^[0-9a-f]{32}$/)),
      },
    ],
  ]);
}

function wrap<K extends string, V>(key: K, value: V | undefined): Readonly<Record<K, V>> | undefined;
function wrap<V>(key: string, value: V | undefined): Readonly<Record<string, V>> | undefined {
  return value === undefined ? undefined : { [key]: value };
}

function match(value: string, form: RegExp): string | undefined {
  return form.test(value) ? value : undefined;
}

const UNITS: Readonly<Record<string, number>> = {
  m: 1e6,
  mb: 1e6,
  mib: 2 ** 20,
  g: 1e9,
  gb: 1e9,
  gib: 2 ** 30,
};

/** "40G", "40 GB", "39.5GiB", "8000M" in bytes. */
export function parseSize(text: string): number | undefined {
  const [, number = "", unit = ""] = /^(\d{1,9}(?:\.\d{1,3})?)\s*([a-z]+)$/i.exec(text) ?? [];
  const factor = UNITS[unit.toLowerCase()];
  const bytes = factor === undefined ? 0 : Math.round(Number(number) * factor);
  return bytes > 0 && Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** In the largest unit that says it in full; bytes that no unit says are rounded up to whole MB. */
function formatSize(bytes: number): string {
  for (const [unit, factor] of [
    ["G", 1e9],
    ["GiB", 2 ** 30],
    ["M", 1e6],
    ["MiB", 2 ** 20],
  ] as const) {
    if (bytes % factor === 0) return `${bytes / factor}${unit}`;
  }
  return `${Math.ceil(bytes / 1e6)}M`;
}

function parseCapability(text: string): readonly [number, number] | undefined {
  const [, major = "", minor = "0"] = /^(\d{1,3})(?:\.(\d{1,2}))?$/.exec(text) ?? [];
  return major === "" ? undefined : [Number(major), Number(minor)];
}

function refuse(text: string, why: string): BerthError {
  return new BerthError({
    code: "BERTH-A001",
    message: `Cannot read the wish for GPUs "${text}": ${why}`,
    remedy:
      "write any:N, and behind it what they must have: any:2,mem>=40G,cc>=8.6,model~A100,link=nvlink,numa=0,mig=1g.10gb",
  });
}
