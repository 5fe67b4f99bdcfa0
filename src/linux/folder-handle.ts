import { closeSync } from "node:fs";
import { FOLDER, openIn } from "./open-in.ts";

/** The handle on one folder of a root, kept until another one is asked for. */
export class FolderHandle {
  readonly #resolve: number;
  #path: string | undefined;
  #fd = -1;

  constructor(resolve: number) {
    this.#resolve = resolve;
  }

  /** The folder that is kept. */
  get path(): string | undefined {
    return this.#path;
  }

  /** A descriptor of the folder `path`, which stays this object's, or the negative errno. */
  open(root: number, path: string): number {
    if (path === this.#path) return this.#fd;
    this.forget();
    const fd = openIn(root, path, { flags: FOLDER, resolve: this.#resolve });
    if (fd >= 0) {
      this.#path = path;
      this.#fd = fd;
    }
    return fd;
  }

  forget(): void {
    if (this.#path !== undefined) closeSync(this.#fd);
    this.#path = undefined;
  }
}
