/** What of `config.toml` berth uses, every key with its value or its default. */
export interface Config {
  /** The file that was read; undefined: there was none, and all of this is defaults. */
  readonly path: string | undefined;
  /** `[berth] root`: the host that is described and served, absolute. */
  readonly root: string;
  /** `nvidia-container-cli.root`: where the driver is installed, below `root`; "" is `root` itself. */
  readonly driverRoot: string;
  /** `nvidia-container-runtime.runtimes`: candidates for the low-level runtime, in order. */
  readonly runtimes: readonly string[];
  /** `nvidia-container-runtime.debug`: the log file; "" and "/dev/null": none. */
  readonly debug: string;
  readonly logLevel: string;
  /** Known names only. */
  readonly supportedDriverCapabilities: readonly string[];
}
