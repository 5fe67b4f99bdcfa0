import { seen, unseen, type Here } from "../known-error.ts";
import type { Machine } from "../machine.ts";
import { lookAtDriver } from "./driver.ts";

const UVM = "/dev/nvidia-uvm";
const MAKE = "berth nodes --load-modules";

/** Whether a device node is there, and is the device that the driver has now. */
export function lookAtNode(machine: Machine, [path = UVM]: readonly string[]): Here {
  const node = machine.stat(path);
  if (!node.isKnown) return unseen(`"${path}"`, node.why);
  const found = node.value;
  if (found === undefined)
    return (
      lookAtDriver(machine) ??
      seen(`there is no "${path}" on this machine`, path.includes("/dri/") ? "berth cdi refresh" : MAKE)
    );
  const major = majorOf(machine, path);
  if (major !== undefined && major !== found.major)
    return seen(`"${path}" has the major ${found.major}, the driver has ${major} now`, `rm ${path}; ${MAKE}`);
  return seen(
    `"${path}" is there now (${found.major}:${found.minor}): whoever looked came before it was made, or has old numbers`,
    "start the container again; where a CDI file is in use: berth cdi refresh",
  );
}

function majorOf({ read }: Machine, path: string): number | undefined {
  const name = path.startsWith(UVM) ? "nvidia-uvm" : path.startsWith("/dev/nvidia-caps/") ? "nvidia-caps" : "nvidia";
  const devices = read("/proc/devices");
  const line = devices.isKnown ? devices.value?.split("\n").find((each) => each.endsWith(` ${name}`)) : undefined;
  return line === undefined ? undefined : Number.parseInt(line, 10);
}

/** Who may use the nodes, for whoever was refused. */
export function lookAtPermissions(machine: Machine): Here {
  const selinux = lookAtSelinux(machine);
  const path = "/dev/nvidiactl";
  const node = machine.stat(path);
  if (!node.isKnown) return unseen(`"${path}"`, node.why);
  if (node.value === undefined) return seen(`there is no "${path}" on this machine`, MAKE);
  const { mode, uid, gid } = node.value;
  const who = `"${path}" is ${mode.toString(8).padStart(4, "0")}, of user ${uid} and group ${gid}`;
  if ((mode & 0o006) !== 0o006)
    return seen(
      `${who}: others may not use it`,
      `give the container that group: --group-add ${gid} (podman without root: --group-add keep-groups)`,
    );
  if (selinux !== undefined) return seen(`${who}, open to everybody; ${selinux.cause}`, selinux.remedy);
  return seen(
    `${who}, open to everybody: it is the container's own permissions that lack it`,
    "berth attach CONTAINER GPU",
  );
}

/** Undefined: SELinux does not enforce anything here. */
export function lookAtSelinux({ read }: Machine): Here | undefined {
  const enforce = read("/sys/fs/selinux/enforce");
  if (!enforce.isKnown || enforce.value !== "1") return undefined;
  return seen("SELinux is enforcing on this machine", "setsebool -P container_use_devices on");
}

/** Whether systemd can take permissions away here. */
export function lookAtSystemd({ stat }: Machine): Here {
  const systemd = stat("/run/systemd/system");
  if (!systemd.isKnown) return unseen("systemd", systemd.why);
  if (systemd.value === undefined)
    return seen(
      "this machine has no systemd: the container was started without the permission, or another program took it away",
      "berth attach CONTAINER GPU",
    );
  return seen(
    "this machine has systemd, which takes permissions that it was not told of away at every daemon-reload",
    "berth attach --restore; for good: berth nodes --links",
  );
}

/** Which control groups the machine has. */
export function lookAtCgroups({ stat }: Machine): Here {
  const unified = stat("/sys/fs/cgroup/cgroup.controllers");
  if (!unified.isKnown) return unseen("the control groups", unified.why);
  return seen(`this machine has control groups of version ${unified.value === undefined ? "1" : "2"}`);
}
