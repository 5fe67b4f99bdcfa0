/**
 * Apply: the last room. Plans what one container's spec and root file system need, as data, and carries it out. Decides
 * nothing about who gets what. OCI runtime specification 1.3 (config.md, config-linux.md); glibc's ldconfig, musl's ldso.
 */
export { carryOut, writeSpec } from "./carry-out.ts";
export { isOwnSpec } from "./cdi-files.ts";
export { CDI_MODES, NAME_STRATEGIES, type CdiMode, type CdiOptions, type NameStrategy } from "./cdi-options.ts";
export { formatFlags, type DockerFlags, type FlagEngine } from "./docker-flags.ts";
export { LIBRARY_FOLDER } from "./flag-mounts.ts";
export { generateCdi, type GeneratedCdi, type GenerateInput } from "./generate-cdi.ts";
export { makeFlags, type FlagsInput } from "./make-flags.ts";
export { injectCdi } from "./inject-cdi.ts";
export { CDI_FORMATS, planOutput, saveCdi } from "./save-cdi.ts";
export { NO_UPDATE, type ContainerUpdate } from "./container-update.ts";
export { readHookScene, readHookState, type HookScene, type HookState } from "./hook-scene.ts";
export {
  changeModes,
  createSymlinks,
  enableCudaCompat,
  readMode,
  updateApplicationProfile,
  updateLoaderCache,
} from "./hook-verbs.ts";
export { readLink, readUpdate } from "./update-arguments.ts";
export { hideDeviceFiles, updateContainer } from "./update-container.ts";
export { attach, recordDevices, type Attached } from "./attach.ts";
export { isRecordOf, listAttachments, type Attachment } from "./attachments.ts";
export {
  carryOutChange,
  planChange,
  setDevices,
  trimDriverProc,
  type ChangeInput,
  type PlannedChange,
} from "./change-container.ts";
export { requestFor } from "./cdi-devices.ts";
export { detach, type Detached, type DetachInput } from "./detach.ts";
export { isAlreadyGranted, wishOf, type Wish } from "./hook-wish.ts";
export { refuseOwnNamespace } from "./live.ts";
export { openLiveContainer, type LiveContainer, type LiveTarget } from "./live-container.ts";
export { formatPlan } from "./format-plan.ts";
export { formatStep } from "./plan.ts";
export { onlyNodes } from "./choosing-hook.ts";
export { readRecorded } from "./recorded.ts";
export {
  goingWithout,
  leaseNamed,
  settleWish,
  withLease,
  type LeaseProcess,
  type LeaseScene,
  type Settled,
} from "./leases.ts";
export { planContainer, type ContainerInput, type ContainerPlan, type PlannedContainer } from "./plan-container.ts";
export { withStateFolder } from "./state-folder.ts";
export { isWithoutGpu, usualCdiFile } from "./usual-cdi-file.ts";
