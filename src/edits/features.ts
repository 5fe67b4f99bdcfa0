import type { Grant } from "../grant/index.ts";
import type { DeviceEdit, MountEdit } from "./edits.ts";
import { READ_ONLY } from "./mount-options.ts";

/** GPUDirect Storage, GDRCopy, Mellanox OFED and NVSwitch: their nodes, and the files beside them. */
export function features({ features: granted }: Grant): { devices: DeviceEdit[]; mounts: MountEdit[] } {
  return {
    devices: granted.flatMap(({ files, reason }) => files.nodes.map((node) => ({ node, reason }))),
    mounts: granted.flatMap(({ files, reason }) =>
      files.files.map(({ hostPath, path }) => {
        return { hostPath, containerPath: path, kind: "config", options: READ_ONLY, reason } as const;
      }),
    ),
  };
}
