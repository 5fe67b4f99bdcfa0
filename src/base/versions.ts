/** "470.57.02" → [470, 57, 2]. Undefined for anything but one to eight integers of up to nine digits with dots between. */
export function parseVersion(text: string): readonly number[] | undefined {
  return /^[0-9]{1,9}(?:\.[0-9]{1,9}){0,7}$/.test(text) ? text.split(".").map(Number) : undefined;
}

/**
 * Below zero when `a` is the older version, above when it is the newer, zero when they are equal. Numbers are compared
 * one by one and a missing one counts as 0, so that "470" equals "470.0". Throws RangeError for what is no version.
 */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [numbersOf(a), numbersOf(b)];
  const length = Math.max(left.length, right.length);
  for (let at = 0; at < length; at++) {
    const difference = (left[at] ?? 0) - (right[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function numbersOf(text: string): readonly number[] {
  const numbers = parseVersion(text);
  if (numbers === undefined) throw new RangeError(`Not a version: ${JSON.stringify(text)}`);
  return numbers;
}
