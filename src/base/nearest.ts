/**
 * The known word that a misspelt one most likely means, for "did you mean": case does not count, and of several equally near the first
 * wins. Undefined: none is near enough. Distance: Damerau-Levenshtein (a swap of two neighbours is one edit); at most `limit` edits, by
 * default 2 or a third of the word's length, and always fewer than the word has letters.
 */
export function nearest(word: string, known: readonly string[], limit = defaultLimit(word)): string | undefined {
  const folded = word.toLowerCase();
  let best: string | undefined;
  let bound = Math.min(limit, word.length - 1);
  for (const candidate of known) {
    if (Math.abs(candidate.length - folded.length) > bound) continue;
    const distance = editDistance(folded, candidate.toLowerCase());
    if (distance > bound) continue;
    best = candidate;
    bound = distance - 1;
  }
  return best;
}

function defaultLimit(word: string): number {
  return Math.max(2, Math.floor(word.length / 3));
}

/** The fewest insertions, deletions, replacements and swaps of neighbours (no letter edited twice) from one text to the other. */
function editDistance(from: string, to: string): number {
  let beforeLast: readonly number[] = [];
  let last: readonly number[] = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const isSame = from[row - 1] === to[column - 1];
      const isSwap = row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      current.push(
        Math.min(
          at(last, column) + 1,
          at(current, column - 1) + 1,
          at(last, column - 1) + (isSame ? 0 : 1),
          isSwap ? at(beforeLast, column - 2) + 1 : Infinity,
        ),
      );
    }
    [beforeLast, last] = [last, current];
  }
  return at(last, to.length);
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Infinity;
}
