/** What can stand beside a value in JSON or YAML, or beside a part of one in the arguments of a hook. */
const BORDER = /[\s"',:=[\]{}]/;

/** The lines of a CDI file, counted from 1, in which a value stands, whole. */
export function findLines(text: string, value: string): readonly number[] {
  const spellings = [...new Set([value, JSON.stringify(value).slice(1, -1)])];
  return text
    .split("\n")
    .flatMap((line, index) => (spellings.some((spelling) => isIn(line, spelling)) ? [index + 1] : []));
}

function isIn(line: string, value: string): boolean {
  for (let at = line.indexOf(value); at >= 0; at = line.indexOf(value, at + 1)) {
    const isBorder = (character: string | undefined): boolean => character === undefined || BORDER.test(character);
    if (isBorder(line[at - 1]) && isBorder(line[at + value.length])) return true;
  }
  return false;
}
