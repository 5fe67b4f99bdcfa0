import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { CONFIG_DEFAULTS } from "../config/index.ts";
import { setToml } from "../text/index.ts";

const HOST_LDCONFIG = "/sbin/ldconfig";
/** Ubuntu has the program itself under this name. */
const REAL_LDCONFIG = "/sbin/ldconfig.real";

/**
 * The text of a new `config.toml`: every key of NVIDIA's tables with its default, and ten as comments that show what
 * they could be. `root` is the machine that it is for.
 */
export function defaultConfigText(root: string): string {
  const ldconfig = existsSync(join(root, REAL_LDCONFIG)) ? REAL_LDCONFIG : HOST_LDCONFIG;
  const text = setToml(TEMPLATE, ["nvidia-container-cli", "ldconfig"], `@${ldconfig}`);
  return isSuse(root) ? setToml(text, ["nvidia-container-cli", "user"], "root:video") : text;
}

/** There only members of that group may use the device nodes (os-release(5)). */
function isSuse(root: string): boolean {
  const path = join(root, "etc/os-release");
  return existsSync(path) && /^ID_LIKE=.*suse/m.test(readFileSync(path, "utf8"));
}

const TEMPLATE = `# The NVIDIA container stack on this machine. What is not here has its default.

# Take the devices of a container from mounts below /var/run/nvidia-container-devices.
#accept-nvidia-visible-devices-as-volume-mounts = false

# Take them from NVIDIA_VISIBLE_DEVICES, also where the container is not privileged.
#accept-nvidia-visible-devices-envvar-when-unprivileged = true

# Start images whose conditions (NVIDIA_REQUIRE_…) do not hold.
disable-require = false

# The most that NVIDIA_DRIVER_CAPABILITIES can give; "all" is everything.
supported-driver-capabilities = "${CONFIG_DEFAULTS["supported-driver-capabilities"]}"

# Variables that count instead of NVIDIA_VISIBLE_DEVICES where a container has one of them.
#swarm-resource = "DOCKER_RESOURCE_GPU"

[nvidia-container-cli]
# A log file of the prestart hook.
#debug = "/var/log/nvidia-container-toolkit.log"
environment = []
#ldcache = "/etc/ld.so.cache"
# A path of the host begins with "@".
ldconfig = "@/sbin/ldconfig"
# Load kernel modules and make device nodes that are missing.
load-kmods = true
# Leave device permissions of containers alone.
#no-cgroups = false
#path = "/usr/bin/nvidia-container-cli"
# Where the driver is installed, if not in the usual places.
#root = "/run/nvidia/driver"
#user = "root:video"

[nvidia-container-runtime]
# A log file of the runtime.
#debug = "/var/log/nvidia-container-runtime.log"
log-level = "info"
# auto, legacy, csv, cdi or jit-cdi.
mode = "auto"
# The first of these that is installed starts the container.
runtimes = ["runc", "crun"]

[nvidia-container-runtime.modes.cdi]
annotation-prefixes = ["cdi.k8s.io/"]
default-kind = "nvidia.com/gpu"
spec-dirs = ["/etc/cdi", "/var/run/cdi"]

[nvidia-container-runtime.modes.csv]
mount-spec-path = "/etc/nvidia-container-runtime/host-files-for-container.d"

[nvidia-container-runtime.modes.legacy]
# disabled, hook, ldconfig or mount: CUDA libraries of an image that are newer than the driver.
cuda-compat-mode = "ldconfig"

[nvidia-container-runtime-hook]
path = "nvidia-container-runtime-hook"
skip-mode-detection = false

[nvidia-ctk]
path = "nvidia-ctk"
`;
