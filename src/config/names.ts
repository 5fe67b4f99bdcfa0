/** `nvidia-container-runtime.mode` */
export const MODES = ["auto", "legacy", "csv", "cdi", "jit-cdi"] as const;
export type Mode = (typeof MODES)[number];

/** `modes.legacy.cuda-compat-mode`; "" means disabled, as the peer has it. */
export const CUDA_COMPAT_MODES = ["disabled", "hook", "ldconfig", "mount", ""] as const;
export type CudaCompatMode = (typeof CUDA_COMPAT_MODES)[number];

/** The hooks of a CDI file, by the names that `nvcdi-disable-hooks` has for them. */
export const HOOK_NAMES = [
  "create-symlinks",
  "chmod",
  "enable-cuda-compat",
  "update-ldcache",
  "disable-device-node-modification",
  "update-application-profile",
] as const;
export type HookName = (typeof HOOK_NAMES)[number];

/** `nvcdi-feature-flags` */
export const FEATURE_FLAGS = [
  "enable-explicit-driver-libraries",
  "disable-nvsandboxutils",
  "enable-coherent-annotations",
  "disable-multiple-csv-devices",
  "no-additional-gids-for-device-nodes",
  "disable-ipc-discoverer",
] as const;
export type FeatureFlag = (typeof FEATURE_FLAGS)[number];

/** `berth.lease-policy`: what becomes of a container that names a GPU which another one has; "": denied where that one has it exclusively, else a warning. */
export const LEASE_POLICIES = ["", "deny", "warn", "allow"] as const;
export type LeasePolicy = (typeof LEASE_POLICIES)[number];

/** The driver's capabilities, as images and administrators write them. */
export const CAPABILITIES: readonly string[] = [
  "compat32",
  "compute",
  "display",
  "graphics",
  "ngx",
  "utility",
  "video",
];
