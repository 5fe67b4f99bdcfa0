import { openLog, printErr, printOut } from "../base/index.ts";

/** Where `--debug FILE` puts its lines; "" is nowhere. The names of the standard streams are links, which no log file may be. */
export function openCliLog(file: string): (text: string) => void {
  if (file === "/dev/stderr") return (text) => printErr(`${text}\n`);
  if (file === "/dev/stdout") return (text) => printOut(`${text}\n`);
  const log = openLog(file === "" ? [] : [{ path: file, format: "text" }], "debug", () => new Date());
  return (text) => log.info(text);
}
