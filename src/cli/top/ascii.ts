import type { Line } from "../gpus/paint.ts";

/** What berth itself draws, for terminals that have no more than ASCII; other text stays. */
const PLAIN: Readonly<Record<string, string>> = {
  "°": "",
  "─": "-",
  "│": "|",
  "├": "|",
  "└": "`",
  "…": "~",
  "▾": "v",
  "↓": "<",
  "↑": ">",
};

/** The same line without them. */
export function asciiLine(line: Line): Line {
  return line.map((span) => ({ ...span, text: span.text.replace(/[°─│├└…▾↓↑]/g, (sign) => PLAIN[sign] ?? sign) }));
}

/** Whether a terminal of these variables shows more: a locale that is set to something else than UTF-8 says no, and so does the kernel's own console. */
export function isAsciiOnly(env: (name: string) => string | undefined): boolean {
  const locale = [env("LC_ALL"), env("LC_CTYPE"), env("LANG")].find((value) => value !== undefined && value !== "");
  return env("TERM") === "linux" || (locale !== undefined && !/utf-?8/i.test(locale));
}
