/** An option of an engine's `run` that stands before the image. */
export interface RunOption {
  /** In its long form where this file knows it: "--env". */
  readonly name: string;
  /** Undefined: it has none. */
  readonly value: string | undefined;
}

/** The options of docker 28 and podman 5 that take no value; none of these names takes one in the other. */
const WITHOUT_VALUE: ReadonlySet<string> = new Set([
  "--detach", "--disable-content-trust", "--env-host", "--help", "--http-proxy", "--init", "--interactive", "--no-healthcheck", "--no-hostname", "--no-hosts", "--oom-kill-disable", "--passwd",
  "--privileged", "--publish-all", "--quiet", "--read-only", "--read-only-tmpfs", "--replace", "--rm", "--rmi", "--rootfs", "--sig-proxy", "--tls-verify", "--tty", "--unsetenv-all", "--use-api-socket",
]); // prettier-ignore
const LETTER_WITH_VALUE = /[^ditqP]/;
const LONG_FORMS: Readonly<Record<string, string>> = { e: "--env", l: "--label" };

/** What stands before the image in the words behind `docker run` or `podman run`. An option that is not known is taken for one with a value; what else is wrong is the engine's to say. */
export function readRunOptions(words: readonly string[]): readonly RunOption[] {
  const options: RunOption[] = [];
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? "";
    if (word === "--" || !word.startsWith("-")) break;
    const { name, value, takesNext } = word.startsWith("--") ? readLong(word) : readShort(word.slice(1));
    if (takesNext) at += 1;
    options.push({ name, value: takesNext ? words[at] : value });
  }
  return options;
}

interface Read extends RunOption {
  readonly takesNext: boolean;
}

function readLong(word: string): Read {
  const at = word.indexOf("=");
  if (at > 0) return { name: word.slice(0, at), value: word.slice(at + 1), takesNext: false };
  return { name: word, value: undefined, takesNext: !WITHOUT_VALUE.has(word) };
}

/** "it", "eA=b", "ite": of several letters only the last can have a value, which is the rest or the next word. */
function readShort(letters: string): Read {
  const at = letters.search(LETTER_WITH_VALUE);
  const letter = letters[at] ?? "";
  const name = LONG_FORMS[letter] ?? `-${letter}`;
  const rest = letters.slice(at + 1).replace(/^=/, "");
  if (at < 0) return { name: `-${letters}`, value: undefined, takesNext: false };
  return rest === "" ? { name, value: undefined, takesNext: true } : { name, value: rest, takesNext: false };
}
