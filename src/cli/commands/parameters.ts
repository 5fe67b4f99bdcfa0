/** A flag with one text; it may be left out. */
export const text = (brief: string, placeholder: string) =>
  ({ kind: "parsed", parse: String, brief, placeholder, optional: true }) as const;

/** A flag with texts, split at commas. */
export const list = (brief: string, placeholder: string) => ({ ...text(brief, placeholder), variadic: "," }) as const;
