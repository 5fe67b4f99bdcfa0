import { BerthError } from "../base/index.ts";
import type { Config } from "../config/index.ts";

/** A way to ask for devices that a configuration switches on and berth cannot serve yet. */
interface Unsupported {
  readonly key: string;
  /** What a `config.json` that uses it holds. */
  readonly sign: string;
}

function listUnsupported({ acceptDevicesAsVolumeMounts, mode }: Config): readonly Unsupported[] {
  const mounts = { key: "accept-nvidia-visible-devices-as-volume-mounts = true", sign: "nvidia-container-devices" };
  const key = `nvidia-container-runtime.mode = "${mode}"`;
  const modes = ["cdi.k8s.io/", "NVIDIA_VISIBLE_DEVICES"].map((sign) => ({ key, sign }));
  return [...(acceptDevicesAsVolumeMounts ? [mounts] : []), ...(mode === "cdi" || mode === "csv" ? modes : [])];
}

/** Texts that a spec has to be read for because of them. */
export function unsupportedSigns(config: Config): readonly string[] {
  return listUnsupported(config).map(({ sign }) => sign);
}

/** Throws BERTH-C002 for a spec that asks in such a way: it would silently get no GPU, or another one. */
export function refuseUnsupported(config: Config, spec: Uint8Array): void {
  const used = listUnsupported(config).find(({ sign }) => Buffer.from(spec).includes(sign));
  if (used === undefined) return;
  const message = `Cannot serve this container: it holds "${used.sign}", and ${used.key} in "${config.path}" is not supported yet`;
  throw new BerthError({ code: "BERTH-C002", message, remedy: "take the key out, and ask by NVIDIA_VISIBLE_DEVICES" });
}
