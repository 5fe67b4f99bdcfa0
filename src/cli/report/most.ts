/** From when to when somebody had one GPU. */
export interface Stay {
  readonly start: number;
  readonly end: number;
}

/** How many there were at once at most. One that begins when another ends is not beside it. */
export function most(stays: readonly Stay[]): number {
  const changes = stays
    .filter(({ start, end }) => end > start)
    .flatMap(({ start, end }) => [
      { at: start, by: 1 },
      { at: end, by: -1 },
    ])
    .toSorted((a, b) => a.at - b.at || a.by - b.by);
  let [now, highest] = [0, 0];
  for (const { by } of changes) {
    now += by;
    highest = Math.max(highest, now);
  }
  return highest;
}
