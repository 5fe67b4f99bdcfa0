/** What one container asks for: nothing is checked against the host or a policy yet. */
export interface Request {
  /** `driver`: driver files and control nodes, no GPU (the value `none`). */
  readonly wants: "nothing" | "driver" | "devices";
  /** Without duplicates, in the order asked; empty unless `wants` is `devices`. */
  readonly devices: readonly DeviceRequest[];
  /** As asked, unchecked; undefined: the variable is unset or empty, or `all`. */
  readonly capabilities: readonly string[] | "all" | undefined;
  /** Where the devices were asked for, for messages: `NVIDIA_VISIBLE_DEVICES=0,1`. */
  readonly devicesOrigin: Origin;
  readonly capabilitiesOrigin: Origin;
  /** The container could do anything with devices in any case: it has CAP_SYS_ADMIN. */
  readonly isPrivileged: boolean;
}

/** Where something was asked for. `text` is the container's, shortened: escape it before printing. */
export interface Origin {
  readonly source: "env" | "default";
  readonly text: string;
}

export type DeviceRequest =
  | { readonly kind: "all" }
  | { readonly kind: "index"; readonly index: number }
  | { readonly kind: "uuid"; readonly uuid: string };
