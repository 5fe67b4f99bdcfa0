/** How often what happened. */
export class Tally {
  readonly #counts = new Map<string, number>();
  readonly #samples = new Map<string, string>();
  #running = 0;
  #most = 0;

  add(what: string, sample?: string): void {
    this.#counts.set(what, this.of(what) + 1);
    if (sample !== undefined && !this.#samples.has(what)) this.#samples.set(what, sample);
  }

  of(what: string): number {
    return this.#counts.get(what) ?? 0;
  }

  /** One container more, or one less. */
  count(change: 1 | -1): void {
    this.#running += change;
    this.#most = Math.max(this.#most, this.#running);
  }

  /** The most containers that ran at once. */
  get most(): number {
    return this.#most;
  }

  rows(): readonly (readonly [string, string])[] {
    return [...this.#counts].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([what, count]) => [what, `${count}`]);
  }

  /** The first message of each thing that was not expected. */
  get samples(): ReadonlyMap<string, string> {
    return this.#samples;
  }
}
