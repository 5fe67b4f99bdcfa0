import { must, run } from "./run.ts";
import type { Scope } from "./scope.ts";
import { waitFor } from "./scope.ts";
import { program } from "./gate.ts";

/** A terminal of so many columns and rows with a shell in it, for as long as the scope lasts. */
export class Tmux {
  readonly #argv: readonly string[];

  constructor(scope: Scope, { columns, rows }: { readonly columns: number; readonly rows: number }) {
    const socket = `${scope.folder("tmux")}/socket`;
    this.#argv = [program("tmux"), "-u", "-S", socket, "-f", "/dev/null"];
    const size = ["-x", String(columns), "-y", String(rows)];
    const shell = ["bash", "--norc", "--noprofile"];
    const env = {
      PATH: process.env["PATH"] ?? "",
      LANG: "C.UTF-8",
      PS1: "$ ",
      HOME: scope.dir,
      TERM: "screen-256color",
    };
    must([...this.#argv, "new-session", "-d", ...size, ...shell], { env });
    scope.defer(() => this.close());
    this.until(({ text }) => text.includes("$"));
  }

  /** Keys as tmux names them: "q", "Enter", "C-z". */
  press(...keys: readonly string[]): void {
    for (const key of keys) must([...this.#argv, "send-keys", key]);
  }

  /** A line for the shell. */
  type(line: string): void {
    must([...this.#argv, "send-keys", "-l", line]);
    this.press("Enter");
  }

  resize(columns: number, rows: number): void {
    must([...this.#argv, "resize-window", "-x", String(columns), "-y", String(rows)]);
  }

  /** What it shows; a full-screen program is on the other screen. */
  get look(): { readonly text: string; readonly isOtherScreen: boolean; readonly hasCursor: boolean } {
    const both = ["display-message", "-p", "#{alternate_on} #{cursor_flag}", ";", "capture-pane", "-p"];
    const [flags = "", ...lines] = must([...this.#argv, ...both]).split("\n");
    const text = lines.join("\n");
    return { text, isOtherScreen: flags.startsWith("1"), hasCursor: flags.endsWith("1") };
  }

  /** Waits until it shows that. */
  until(isSo: (look: Tmux["look"]) => boolean): Tmux["look"] {
    return waitFor(
      () => {
        const look = this.look;
        return isSo(look) ? look : undefined;
      },
      20_000,
      () => this.look.text,
    );
  }

  close(): void {
    run([...this.#argv, "kill-server"]);
  }
}
