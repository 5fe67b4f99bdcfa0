/** "1 GPU", "2 GPUs" */
export function count(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`;
}

/** `"a" and "b"`; of more than `most` the first ones and how many more. */
export function quoteSome(names: readonly string[], most = 3): string {
  const quoted = names.slice(0, names.length > most ? most - 1 : most).map((name) => `"${name}"`);
  const left = names.length - quoted.length;
  const all = left > 0 ? [...quoted, `${left} more`] : quoted;
  return all.length < 2 ? all.join("") : `${all.slice(0, -1).join(", ")} and ${all.at(-1)}`;
}
