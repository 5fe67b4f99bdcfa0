/**
 * CDI files: their types, strict reading, validating and writing, and the registry of a machine's files, from which names of devices are
 * resolved into edits. Knows no GPU, generates no device and applies no edit. Follows the CDI specification 1.1.0 (SPEC.md and its Go library).
 */
export { formatCdiAnnotation, parseCdiAnnotations, type CdiRequest } from "./annotations.ts";
export { formatCdiSpec } from "./format-spec.ts";
export { isClass, isDeviceName, isKind, isVendor, parseQualifiedName, type QualifiedName } from "./names.ts";
export { formatOf, parseCdiSpec } from "./read-spec.ts";
export { readCdiSpec } from "./read-file.ts";
export { readRegistry, type Conflict, type Registry, type RegistryDevice, type RegistryFile } from "./registry.ts";
export { combineEdits, resolveDevices } from "./resolve.ts";
export type { CdiFormat } from "./source.ts";
export {
  HOOK_STAGES,
  NO_EDITS,
  type CdiDevice,
  type CdiDeviceNode,
  type CdiEdits,
  type CdiHook,
  type CdiIntelRdt,
  type CdiMount,
  type CdiNetDevice,
  type CdiSpec,
  type HookStage,
} from "./spec.ts";
export type { Steps } from "./steps.ts";
export { transformRoot, type RootChange } from "./transform-root.ts";
export { foldersUnder } from "./spec-folders.ts";
export { findSpecFault, type SpecFault } from "./validate.ts";
export { CDI_VERSIONS, isOlderVersion, minimumVersion, parseCdiVersion, type CdiVersion } from "./version.ts";
export { findLines } from "./find-lines.ts";
