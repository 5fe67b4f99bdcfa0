/** The way to a value of a file: keys of objects, and indices of lists. */
export type Steps = readonly (string | number)[];

/** What is wrong with a value of a file. */
export interface FieldFault {
  readonly steps: Steps;
  /** A sentence without its subject: `must not be empty`. */
  readonly why: string;
  /** One thing to do; undefined: nothing better than to mend the field. */
  readonly remedy?: string;
}

/** The sentence about a fault: `devices[0].name must be text`. */
export function describeFault({ steps, why }: FieldFault): string {
  return `${steps.length === 0 ? "it" : formatSteps(steps)} ${why}`;
}

/** The way as text: `devices[0].containerEdits.env[1]`; a key that is no word is quoted. */
function formatSteps(steps: Steps): string {
  const parts = steps.map((step) => {
    if (typeof step === "number") return `[${step}]`;
    return /^\w+$/.test(step) ? `.${step}` : `[${JSON.stringify(step)}]`;
  });
  return parts.join("").replace(/^\./, "");
}
