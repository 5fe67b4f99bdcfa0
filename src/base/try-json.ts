/**
 * What a text says as JSON, by JavaScript's own reader; undefined: it says nothing (no JSON, or deeper than the stack).
 * For what programs answer and berth's own records, where a torn text is as good as none; a file that a person or
 * another program wrote goes through `parseJson`.
 */
export function tryJson(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch {
    // The text is the only reason why it can fail.
    return undefined;
  }
}
