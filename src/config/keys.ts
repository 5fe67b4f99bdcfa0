/**
 * Every key of `config.toml` that is read, with its default; a default's type is the key's. Those of NVIDIA's tables are the ones of the
 * NVIDIA container toolkit 1.20; berth's own are in `[berth]`.
 */
export const DEFAULTS = {
  "disable-require": false,
  "swarm-resource": "",
  "accept-nvidia-visible-devices-envvar-when-unprivileged": true,
  "accept-nvidia-visible-devices-as-volume-mounts": false,
  "supported-driver-capabilities": "compat32,compute,display,graphics,ngx,utility,video",

  "nvidia-container-cli.root": "",
  "nvidia-container-cli.path": "",
  "nvidia-container-cli.environment": [],
  "nvidia-container-cli.debug": "",
  "nvidia-container-cli.ldcache": "",
  "nvidia-container-cli.load-kmods": true,
  "nvidia-container-cli.no-pivot": false,
  "nvidia-container-cli.no-cgroups": false,
  "nvidia-container-cli.user": "",
  "nvidia-container-cli.ldconfig": "",

  "nvidia-container-runtime.debug": "/dev/null",
  "nvidia-container-runtime.log-level": "info",
  "nvidia-container-runtime.runtimes": ["runc", "crun"],
  "nvidia-container-runtime.mode": "auto",
  "nvidia-container-runtime.modes.csv.mount-spec-path": "/etc/nvidia-container-runtime/host-files-for-container.d",
  "nvidia-container-runtime.modes.csv.compat-container-root": "",
  "nvidia-container-runtime.modes.cdi.spec-dirs": ["/etc/cdi", "/var/run/cdi"],
  "nvidia-container-runtime.modes.cdi.default-kind": "nvidia.com/gpu",
  "nvidia-container-runtime.modes.cdi.annotation-prefixes": ["cdi.k8s.io/"],
  "nvidia-container-runtime.modes.jit-cdi.nvcdi-feature-flags": [],
  "nvidia-container-runtime.modes.jit-cdi.nvcdi-disable-hooks": [],
  "nvidia-container-runtime.modes.legacy.cuda-compat-mode": "ldconfig",

  "nvidia-container-runtime-hook.path": "nvidia-container-runtime-hook",
  "nvidia-container-runtime-hook.skip-mode-detection": false,

  "nvidia-ctk.path": "nvidia-ctk",

  "features.allow-cuda-compat-libs-from-container": false,
  "features.allow-ldconfig-from-container": false,
  "features.allow-unknown-oci-spec-fields": false,
  "features.disable-cuda-compat-lib-hook": false,
  "features.disable-imex-channel-creation": false,
  "features.ignore-imex-channel-requests": false,
  "features.no-additional-gids-for-device-nodes": false,

  "berth.root": "/",
  "berth.lease-policy": "",
  "berth.lease-unchecked": false,
  "berth.lease-limit": 0,
  "berth.choose-by-count": false,
  "berth.docker-labels": false,
} as const;

export type Key = keyof typeof DEFAULTS;

/** The keys whose values are of a type: `KeyOf<boolean>`, `KeyOf<string>`, `KeyOf<readonly string[]>`. */
export type KeyOf<Value> = { [K in Key]: (typeof DEFAULTS)[K] extends Value ? K : never }[Key];
