import { seen, type KnownError } from "../known-error.ts";
import { lookAtSelinux } from "../looks/nodes.ts";

const DOCKER = "docs/docker.md";

/** SELinux, AppArmor, and ways out of a container. */
export const SECURITY: readonly KnownError[] = [
  {
    id: "selinux-denied",
    row: 38,
    patterns: [/avc: denied \{[\w ]{1,80}\}[^]{0,300}?(?:xserver_misc_device_t|nvidia|container_t)/],
    title: "SELinux forbids the container its devices",
    speaker: "SELinux",
    cause: "the domain of containers may not use devices of that label",
    remedy: "setsebool -P container_use_devices on (where that is not known: container_use_xserver_devices)",
    here: (machine) => lookAtSelinux(machine) ?? seen("SELinux enforces nothing on this machine now"),
    page: DOCKER,
  },
  {
    id: "apparmor-profile",
    row: 39,
    patterns: [/unable to apply apparmor profile/],
    title: "the inner engine may not load AppArmor profiles",
    speaker: "runc",
    cause: "it runs in a container (LXC, Proxmox, Docker in Docker) that keeps AppArmor to itself",
    remedy: "start that container with --security-opt apparmor=unconfined",
    page: DOCKER,
  },
];
