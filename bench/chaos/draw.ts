export function draw<T>(items: readonly (readonly [weight: number, item: T])[]): T {
  let left = Math.random() * items.reduce((sum, [weight]) => sum + weight, 0);
  for (const [weight, item] of items) {
    left -= weight;
    if (left < 0) return item;
  }
  const [, last] = items.at(-1) ?? [];
  if (last === undefined) throw new RangeError("nothing to draw from");
  return last;
}

export function between(low: number, high: number): number {
  return low + Math.random() * (high - low);
}

/** Waits until `check` gives something, for so long at most. */
export async function until<T>(check: () => T | undefined, deadlineMs: number): Promise<T | undefined> {
  const end = performance.now() + deadlineMs;
  for (;;) {
    const value = check();
    if (value !== undefined || performance.now() >= end) return value;
    await Bun.sleep(10);
  }
}
