/**
 * A decimal integer from 0 to `max` (at most 2^53-1) and nothing else: no sign, blank, leading zero, exponent, other
 * base or other script's digits. Undefined for any other text.
 */
export function parseStrictInteger(text: string, max: number): number | undefined {
  if (!/^(?:0|[1-9][0-9]{0,15})$/.test(text)) return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) && value <= max ? value : undefined;
}
