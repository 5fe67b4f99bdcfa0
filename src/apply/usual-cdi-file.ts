import { join } from "node:path";
import type { BerthError, ErrorCode } from "../base/index.ts";
import { Root } from "../linux/index.ts";

/** Where engines look for files that do not outlive a boot (CDI specification 1.1.0). */
const FILE = "/var/run/cdi/nvidia.yaml";

/** The CDI file that a refresh keeps right where none is named, on this machine; its links are followed as that host does. */
export function usualCdiFile(root: string): string {
  if (root === "/") return FILE;
  using handle = Root.open(root);
  return join(root, handle.resolveDeep(FILE).path);
}

const WITHOUT_GPU: ReadonlySet<ErrorCode> = new Set(["BERTH-R001", "BERTH-D001"]);

/** Whether a file could not be made because there is no GPU to be named in it. One whose device node is missing is there, and that is an error. */
export function isWithoutGpu({ code }: BerthError): boolean {
  return WITHOUT_GPU.has(code);
}
