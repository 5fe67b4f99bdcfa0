/**
 * Whether a name fits a pattern in which `*` is any text and `?` any one character. An image may make up both, so it goes back to the last `*` only: it
 * takes time by their lengths, never exponentially.
 */
export function matchesGlob(name: string, pattern: string): boolean {
  let [at, star, resume] = [0, -1, 0];
  for (let index = 0; index < name.length;) {
    if (pattern[at] === "*") {
      [star, resume] = [at++, index];
    } else if (pattern[at] === "?" || pattern[at] === name[index]) {
      at++;
      index++;
    } else {
      if (star === -1) return false;
      at = star + 1;
      index = ++resume;
    }
  }
  return /^\**$/.test(pattern.slice(at));
}
