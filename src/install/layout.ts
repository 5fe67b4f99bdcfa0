import { dirname, join } from "node:path";

/** Where the parts of an installation go. All absolute, within the root that is installed into. */
export interface Layout {
  readonly prefix: string;
  /** The programs that a user starts. */
  readonly bin: string;
  /** What only berth itself starts: the executable, and below `bin` every launcher. */
  readonly own: string;
  /** What uninstall goes by, and files of others that were replaced. */
  readonly state: string;
  readonly units: string;
  readonly rules: string;
  readonly bashCompletions: string;
  readonly zshCompletions: string;
  readonly fishCompletions: string;
  readonly manual: string;
  readonly docs: string;
}

/** Where `packaging/` thinks that berth is; `relocate` puts another prefix there. */
const USUAL_PREFIX = "/usr";

/** Of a prefix: an absolute path without a trailing slash. */
export function layoutOf(prefix: string): Layout {
  // systemd and udev look below /usr, and else into /etc: which other folders they read depends on their version.
  const isSystem = prefix === USUAL_PREFIX;
  const share = join(prefix, "share");
  return {
    prefix,
    bin: join(prefix, "bin"),
    own: join(prefix, "lib/berth"),
    state: join(share, "berth"),
    units: isSystem ? "/usr/lib/systemd/system" : "/etc/systemd/system",
    rules: isSystem ? "/usr/lib/udev/rules.d" : "/etc/udev/rules.d",
    bashCompletions: join(share, "bash-completion/completions"),
    // Debian's zsh reads the second below /usr, and the first below /usr/local, as everybody's does.
    zshCompletions: join(share, isSystem ? "zsh/vendor-completions" : "zsh/site-functions"),
    fishCompletions: join(share, "fish/vendor_completions.d"),
    manual: join(share, "man/man1"),
    docs: join(share, "doc/berth"),
  };
}

/** Where the docs are of the berth that runs, if it is installed. */
export function docsOf(executable: string): string {
  return layoutOf(dirname(dirname(dirname(executable)))).docs;
}

/** A file of `packaging/` for another prefix. */
export function relocate(text: string, { prefix }: Layout): string {
  return text.replace(/\/usr(?=\/bin\/berth(?![\w-])|\/lib\/berth\/)/g, () => prefix);
}
