import type { Config } from "../../config/index.ts";

/** The host whose CDI files are meant, and who asks. */
export interface CdiPlace {
  readonly root: string;
  readonly config: Config;
  readonly env: (name: string) => string | undefined;
  /** berth itself, absolute. */
  readonly executable: string;
}
