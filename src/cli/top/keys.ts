/** What terminals send for keys that are no character (xterm's ctlseqs, terminfo of linux, screen and tmux). */
const SEQUENCES: ReadonlyMap<string, string> = new Map([
  ["\u001b[A", "up"],
  ["\u001bOA", "up"],
  ["\u001b[B", "down"],
  ["\u001bOB", "down"],
  ["\u001b[5~", "pageup"],
  ["\u001b[6~", "pagedown"],
  ["\u001b[H", "home"],
  ["\u001bOH", "home"],
  ["\u001b[1~", "home"],
  ["\u001b[F", "end"],
  ["\u001bOF", "end"],
  ["\u001b[4~", "end"],
  ["\u001bOP", "f1"],
  ["\u001b[11~", "f1"],
  ["\u001b[[A", "f1"],
  ["\u001b[17~", "f6"],
  ["\r", "enter"],
  ["\n", "enter"],
  ["\u0003", "ctrl-c"],
  ["\u000c", "ctrl-l"],
  ["\u001a", "ctrl-z"],
  ["\u007f", "backspace"],
  ["\b", "backspace"],
  ["\u001b", "escape"],
]);

/** Any other sequence: as a whole it is none of these keys. */
// oxlint-disable-next-line no-control-regex -- that is how terminals begin a key
const SEQUENCE = /^\u001b(?:\[\[?[0-9;?<]*[ -/]*[@-~]|O[@-~])/;

/** The keys of what a terminal has sent: "up", "ctrl-c", or a character. */
export function parseKeys(text: string): readonly string[] {
  const keys: string[] = [];
  for (let rest = text; rest !== "";) {
    const [sequence] = SEQUENCE.exec(rest) ?? [];
    const part = sequence ?? String.fromCodePoint(rest.codePointAt(0) ?? 0);
    const key = SEQUENCES.get(part) ?? (part.length > 2 || part < " " ? undefined : part);
    if (key !== undefined) keys.push(key);
    rest = rest.slice(part.length);
  }
  return keys;
}
