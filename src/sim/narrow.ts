/** The fields of an object with known keys, each narrowed as it is read. Throws a TypeError for an unknown key. */
export function openFields(value: unknown, what: string, keys: readonly string[]) {
  if (!isRecord(value)) throw new TypeError(`${what} is not an object`);
  const unknownKey = Object.keys(value).find((key) => !keys.includes(key));
  if (unknownKey !== undefined) throw new TypeError(`${what} has an unknown key "${unknownKey}"`);
  return {
    text: (key: string, form = /./): string => readText(value[key], `${what}.${key}`, form),
    whole: (key: string): number => readWhole(value[key], `${what}.${key}`),
    truth: (key: string): boolean => {
      const truth = value[key];
      if (typeof truth === "boolean") return truth;
      throw new TypeError(`${what}.${key} is not true or false`);
    },
    /** One of the choices; what is not there is `fallback`, where there is one. */
    choice: <const T extends string>(key: string, choices: readonly T[], fallback?: T): T => {
      const found = value[key] === undefined ? fallback : choices.find((choice) => choice === value[key]);
      if (found !== undefined) return found;
      throw new TypeError(`${what}.${key} is not one of ${choices.join(", ")}`);
    },
    one: <T>(key: string, read: (value: unknown) => T): T => read(value[key]),
    optional: <T>(key: string, read: (value: unknown) => T): T | undefined =>
      value[key] === undefined ? undefined : read(value[key]),
    list: <T>(key: string, read: (value: unknown, what: string) => T): readonly T[] => readList(value[key], key, read),
  };
}

/** A list whose items are narrowed one by one. Throws a TypeError. */
export function readList<T>(value: unknown, what: string, read: (value: unknown, what: string) => T): readonly T[] {
  if (!Array.isArray(value)) throw new TypeError(`${what} is not a list`);
  return value.map((item: unknown) => read(item, what));
}

/** A whole number that is not negative. Throws a TypeError. */
export function readWhole(value: unknown, what: string): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw new TypeError(`${what} is not a whole number`);
}

/** A text of a form. Throws a TypeError. */
export function readText(value: unknown, what: string, form: RegExp): string {
  if (typeof value === "string" && form.test(value)) return value;
  throw new TypeError(`${what} is not of the form ${form}`);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
