/**
 * The OCI runtime's side: a bundle and its `config.json` (runtime specification 1.3), and the arguments that engines give
 * to a runtime (runc's command line). Reads only, and keeps what it does not know; `apply/` does the changing.
 */
export { readBundle, rootfsPath, type Bundle } from "./bundle.ts";
export { cgroupFolders, type CgroupScene } from "./cgroup-folders.ts";
export { integerAt, listAt, objectAt, textAt } from "./field.ts";
export { isCreation, readRuntimeArgs, type RuntimeArgs } from "./runtime-args.ts";
export {
  annotationsOf,
  boundingCapabilities,
  cgroupsPath,
  groupInside,
  hasUserNamespace,
  mountsOf,
  namespacesOf,
  processEnv,
  type OciMount,
} from "./spec.ts";
