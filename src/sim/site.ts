/** berth's configuration on a simulated host. */
export const CONFIG_PATH = "/etc/nvidia-container-runtime/config.toml";

/** Where a simulated host stands, and the executable that its launchers start. All absolute. */
export interface Site {
  readonly dir: string;
  readonly executable: string;
}
