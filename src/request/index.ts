/**
 * Ask: what a container asks for, as one plain value. Reads the container's own words, and which CUDA libraries its image brings along; whether the
 * host has it and whether it is allowed is decided in `grant/`. Follows the image protocol of the NVIDIA container stack and CDI's qualified names.
 */
export {
  COMPAT_FOLDER,
  ORIN_COMPAT_FOLDER,
  readCompatLibraries,
  type CompatLibraries,
  type CompatLibrary,
  type CompatNote,
} from "./compat-libraries.ts";
export { NO_CDI_FILES, OWN_KINDS, type CdiFiles, type CdiName } from "./cdi-name.ts";
export { parseCondition, type Condition, type Operator, type Property, type Term } from "./condition.ts";
export { parseDeviceList, type DeviceList } from "./device-list.ts";
export { readPlainRequest } from "./plain-request.ts";
export { readRequest, type Recorded, type RequestSource } from "./read-request.ts";
export type * from "./request.ts";
export { CHOOSING_HOOK, GPUS_ANNOTATION, requestSettings, requestSigns, type RequestSettings } from "./settings.ts";
export type { RequestMount } from "./volume-mounts.ts";
export { formatWish, isWish, parseWish, type Wish } from "./wish.ts";
