import { afterAll, describe, expect, test } from "bun:test";
import { copyFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { newAttachment, saveAttachment } from "../apply/attachments.ts";
import { ProcessHandle } from "../linux/index.ts";
import type { Check } from "./check.ts";
import { CHECKS } from "./checks.ts";
import { ask, makeHosts, put, say } from "./examine.test-helper.ts";

const hosts = makeHosts("checks");
afterAll(hosts.remove);

function check(id: string): Check {
  const found = CHECKS.find((each) => each.id === id);
  if (found === undefined) throw new RangeError(id);
  return found;
}

async function look(id: string, root: string): Promise<string> {
  return say(await ask(check(id), hosts.input(root)), root);
}

type Files = Readonly<Record<string, string>>;
type Row = readonly [id: string, title: string, files: Files, said: string];

const PCI = "sys/bus/pci/devices";
const gpu = (bus: string, driver?: string): Files => ({
  [`${PCI}/${bus}/vendor`]: "0x10de\n",
  [`${PCI}/${bus}/class`]: "0x030200\n",
  ...(driver === undefined ? {} : { [`${PCI}/${bus}/driver`]: `-> ../../drivers/${driver}` }),
});
const A = "0000:01:00.0";
const B = "0000:41:00.0";

const KERNEL: Files = { "proc/sys/kernel/osrelease": "6.1.0-28-amd64\n", ...gpu(A) };
const MODULE: Files = {
  "lib/modules/6.1.0-28-amd64/modules.dep":
    "updates/dkms/nvidia-uvm.ko: updates/dkms/nvidia.ko\nupdates/dkms/nvidia.ko:\n",
  "lib/modules/6.1.0-28-amd64/updates/dkms/nvidia.ko": "\u007fELF of a module",
};
const SECURE_BOOT: Files = {
  "sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c": "\u0006\0\0\0\u0001",
};
const SIGNED: Files = {
  "lib/modules/6.1.0-28-amd64/updates/dkms/nvidia.ko": "\u007fELF~Module signature appended~\n",
};
const FILE = '"ROOT/lib/modules/6.1.0-28-amd64/updates/dkms/nvidia.ko" is there for kernel 6.1.0-28-amd64';

const CHANNELS = "dev/nvidia-caps-imex-channels";
const CONFIG = "etc/nvidia-imex/nodes_config.cfg";
const DRIVER: Files = {
  "proc/driver/nvidia/version": "NVRM version: NVIDIA UNIX x86_64 Kernel Module  570.133.20  Sun\n",
};
const MAJORS: Files = { ...DRIVER, "proc/devices": "Character devices:\n195 nvidia\n234 nvidia-caps-imex-channels\n" };

const AVC = (second: number, what: string) =>
  `type=AVC msg=audit(${second}.001:7): avc:  denied  { read write } for  pid=1 comm="x" name="${what}" tcontext=system_u:object_r:device_t:s0\n`;
const BOOT: Files = { "proc/stat": "cpu 0\nbtime 1000\n" };
const ENFORCING: Files = { ...BOOT, "sys/fs/selinux/enforce": "1" };
const OFF: Files = { "sys/fs/selinux/booleans/container_use_devices": "0 0" };
const APPARMOR: Files = { ...BOOT, "sys/module/apparmor/parameters/enabled": "Y\n" };

/** A daemon.json, and a config.toml that names Swarm's variable. */
function offer(root: string, top: object): void {
  put(join(root, "etc/docker/daemon.json"), JSON.stringify(top));
  put(
    join(root, "etc/nvidia-container-runtime/config.toml"),
    `swarm-resource = "DOCKER_RESOURCE_NVIDIA-GPU"\n[berth]\nroot = "${root}"\n`,
  );
}

const ROWS: readonly Row[] = [
  [
    "pci-device",
    "a GPU that nouveau has",
    gpu(A, "nouveau"),
    `fail BERTH-H002: GPU ${A} is bound to "nouveau", not to "nvidia" => echo "blacklist nouveau" > /etc/modprobe.d/nouveau.conf, update the initramfs, reboot`,
  ],
  [
    "pci-device",
    "one of two GPUs for a virtual machine is only a warning",
    { ...gpu(A, "nvidia"), ...gpu(B, "vfio-pci") },
    `warning BERTH-H002: GPU ${B} is bound to "vfio-pci", not to "nvidia" => unless a virtual machine is to have it: echo ${B} > /sys/bus/pci/drivers/vfio-pci/unbind; echo ${B} > /sys/bus/pci/drivers_probe`,
  ],
  [
    "pci-device",
    "a module that would not take the GPU",
    { ...gpu(A), "sys/module/nvidia/initstate": "live\n" },
    `fail BERTH-H002: the module "nvidia" is loaded, and has not taken GPU ${A} => dmesg | grep NVRM says why`,
  ],
  ["pci-device", "GPUs without a driver are the next check's matter", gpu(A), `pass: 1 GPU bound to no driver: ${A}`],
  [
    "pci-device",
    "a network card of NVIDIA is no GPU",
    { ...gpu(A), [`${PCI}/${A}/class`]: "0x020000\n" },
    'fail BERTH-H001: no GPU of NVIDIA is in "ROOT/sys/bus/pci/devices" => put a GPU in (or in a virtual machine pass one through), then see: lspci -d 10de:',
  ],

  [
    "driver-module",
    "a module that only has to be loaded",
    { ...KERNEL, ...MODULE },
    `fail BERTH-D001: the module "nvidia" is not loaded; ${FILE} => modprobe nvidia`,
  ],
  [
    "driver-module",
    "Secure Boot and a module that nobody has signed",
    { ...KERNEL, ...MODULE, ...SECURE_BOOT },
    `fail BERTH-D001: the module "nvidia" is not loaded; ${FILE}, but Secure Boot is on and the module is not signed => sign the module with a key that mokutil --import has enrolled, or switch Secure Boot off`,
  ],
  [
    "driver-module",
    "Secure Boot and a signed module",
    { ...KERNEL, ...MODULE, ...SECURE_BOOT, ...SIGNED },
    `fail BERTH-D001: the module "nvidia" is not loaded; ${FILE} => modprobe nvidia`,
  ],
  [
    "driver-module",
    "nouveau in its place",
    { ...KERNEL, ...MODULE, "proc/modules": "nouveau 1 0 - Live 0x0\n" },
    `fail BERTH-D001: the module "nvidia" is not loaded; ${FILE}; "nouveau" is loaded in its place => echo "blacklist nouveau" > /etc/modprobe.d/nouveau.conf, update the initramfs, reboot`,
  ],
  [
    "driver-module",
    "a module for another kernel only",
    { ...KERNEL, ...MODULE, "proc/sys/kernel/osrelease": "6.1.0-31-amd64\n" },
    'fail BERTH-D001: the module "nvidia" was built for kernel 6.1.0-28-amd64, and not for the running kernel 6.1.0-31-amd64 => install linux-headers-6.1.0-31-amd64, then: dkms autoinstall && modprobe nvidia',
  ],
  [
    "driver-module",
    "no driver at all",
    KERNEL,
    'fail BERTH-D001: no driver is installed: "ROOT/lib/modules/6.1.0-28-amd64" has no module "nvidia" => install NVIDIA\'s driver (Debian: nvidia-driver, Ubuntu: nvidia-driver-570-server)',
  ],

  ["imex", "nothing of IMEX", DRIVER, "skip: there is no IMEX channel, and none is configured"],
  [
    "imex",
    "a configuration of comments only",
    { ...MAJORS, [CONFIG]: "# nobody\n\n" },
    "skip: there is no IMEX channel, and none is configured",
  ],
  [
    "imex",
    "machines are named and there is no channel",
    { ...MAJORS, [CONFIG]: "10.0.0.1\n" },
    `fail BERTH-H016: "ROOT/${CONFIG}" names machines, and no channel is in "ROOT/${CHANNELS}" => mknod -m 666 ROOT/${CHANNELS}/channel0 c 234 0 (or load the module with NVreg_CreateImexChannel0=1)`,
  ],
  [
    "imex",
    "machines are named and the driver has no IMEX",
    { ...DRIVER, "proc/devices": "Character devices:\n195 nvidia\n", [CONFIG]: "10.0.0.1\n" },
    `fail BERTH-H016: "ROOT/${CONFIG}" names machines, and no channel is in "ROOT/${CHANNELS}": the driver has no IMEX channels => install a driver with IMEX (570 or newer, open module), and reboot`,
  ],
  [
    "imex",
    "machines are named and the daemon does not run",
    { ...MAJORS, [CONFIG]: "10.0.0.1\n", [`${CHANNELS}/channel0`]: "berth-sim-device c 234 0\n" },
    `warning BERTH-H016: "ROOT/${CONFIG}" names machines, and nvidia-imex does not run: memory of other machines cannot be reached => systemctl enable --now nvidia-imex.service`,
  ],
  [
    "imex",
    "machines are named and the daemon runs",
    {
      ...MAJORS,
      [CONFIG]: "10.0.0.1\n",
      [`${CHANNELS}/channel0`]: "berth-sim-device c 234 0\n",
      "proc/42/comm": "nvidia-imex\n",
    },
    "pass: 1 channel, and nvidia-imex runs",
  ],
  [
    "imex",
    "a channel beyond the last one",
    { ...MAJORS, [`${CHANNELS}/channel2048`]: "berth-sim-device c 234 2048\n" },
    `warning BERTH-H016: "channel2048" in "ROOT/${CHANNELS}" is beyond 2047, the last channel that the driver has => rm ROOT/${CHANNELS}/channel2048`,
  ],

  ["cgroups", "version 2", { "sys/fs/cgroup/cgroup.controllers": "cpu\n" }, "pass: version 2"],
  ["cgroups", "version 1", { "sys/fs/cgroup/devices/cgroup.procs": "" }, "pass: version 1"],
  [
    "cgroups",
    "both",
    { "sys/fs/cgroup/devices/cgroup.procs": "", "sys/fs/cgroup/unified/cgroup.controllers": "" },
    "pass: version 1, with version 2 beside it",
  ],
  [
    "cgroups",
    "neither",
    {},
    'fail BERTH-H011: "ROOT/sys/fs/cgroup" has neither version 2 nor, of version 1, the hierarchy "devices": no engine can say which devices a container may use => mount -t cgroup2 none /sys/fs/cgroup (or boot with systemd, which does it)',
  ],
  [
    "cgroups",
    "no-cgroups, the cure for rootless engines that breaks all others",
    {
      "sys/fs/cgroup/cgroup.controllers": "",
      "etc/nvidia-container-runtime/config.toml": "[nvidia-container-cli]\nno-cgroups = true\n",
    },
    'warning BERTH-H011: "no-cgroups" is on in "ROOT/etc/nvidia-container-runtime/config.toml": docker run --gpus gives containers the nodes of GPUs, and not the permission to open them => set no-cgroups = false: for rootless containers berth leaves them alone by itself',
  ],

  ["user-namespaces", "nothing forbids them", {}, "pass: they can"],
  [
    "user-namespaces",
    "forbidden where nobody needs them",
    { "proc/sys/user/max_user_namespaces": "0\n" },
    "pass: users cannot make any (user.max_user_namespaces is 0); only rootless engines would need it",
  ],
  [
    "user-namespaces",
    "forbidden beside podman",
    { "proc/sys/kernel/unprivileged_userns_clone": "0\n", "usr/bin/podman": "" },
    'warning BERTH-H012: "ROOT/proc/sys/kernel/unprivileged_userns_clone" is 0: no rootless engine can start a container, and "ROOT/usr/bin/podman" is here for it => sysctl -w kernel.unprivileged_userns_clone=1 (and into /etc/sysctl.d, so that it lasts)',
  ],

  ["selinux", "none", {}, "pass: there is no SELinux"],
  ["selinux", "permissive", { "sys/fs/selinux/enforce": "0", ...OFF }, "pass: SELinux is permissive"],
  [
    "selinux",
    "enforcing with the boolean on",
    { ...ENFORCING, "sys/fs/selinux/booleans/container_use_devices": "1 1" },
    "pass: SELinux is enforcing, and container_use_devices is on",
  ],
  [
    "selinux",
    "enforcing with the boolean off, and nothing refused yet",
    { ...ENFORCING, ...OFF },
    'warning BERTH-H013: SELinux is enforcing and "ROOT/sys/fs/selinux/booleans/container_use_devices" is off: containers that run confined may not open the GPUs\' nodes => setsebool -P container_use_devices on',
  ],
  [
    "selinux",
    "a refusal since the boot",
    { ...ENFORCING, ...OFF, "var/log/audit/audit.log": AVC(1001, "nvidia0") + AVC(1002, "shadow") },
    'fail BERTH-H013: SELinux has refused a container a GPU (denied { read write } of "nvidia0", labelled system_u:object_r:device_t:s0 in "ROOT/var/log/audit/audit.log") => setsebool -P container_use_devices on',
  ],
  [
    "selinux",
    "a refusal before the boot counts no more",
    { ...ENFORCING, "var/log/audit/audit.log": AVC(999, "nvidia0") },
    "pass: SELinux is enforcing, and its policy has no container_use_devices",
  ],

  ["apparmor", "none", {}, "pass: there is no AppArmor"],
  [
    "apparmor",
    "on, with what loads profiles",
    { ...APPARMOR, "sbin/apparmor_parser": "" },
    "pass: AppArmor is on, and has refused nothing of NVIDIA's",
  ],
  [
    "apparmor",
    "on, without what loads profiles",
    APPARMOR,
    'warning BERTH-H014: AppArmor is on and "ROOT/sbin/apparmor_parser" is not there: engines cannot load the profile that they give containers => install the package apparmor',
  ],
];

test.each(ROWS)("%s: %s", async (id, _, files, said) => {
  const root = hosts.root(files);
  expect(await look(id, root)).toBe(said);
  rmSync(root, { recursive: true });
});

/** On a sound simulated host, after a change. */
type Change = readonly [id: string, title: string, profile: string, change: (root: string) => void, said: string];

const CHANGES: readonly Change[] = [
  ["driver-version", "libraries that are older than the module", "rtx4090x2",
    (root) => put(join(root, "proc/driver/nvidia/version"), "NVRM version: NVIDIA UNIX x86_64 Kernel Module  999.1  Sun\n"),
    'fail BERTH-H003: the loaded kernel module is 999.1 ("ROOT/proc/driver/nvidia/version"), and the libraries are 570.124.06 ("ROOT/usr/lib64/libcuda.so.570.124.06" and "ROOT/usr/lib64/libnvidia-ml.so.570.124.06") => install the libraries of 999.1, or the module of 570.124.06 and reboot'],
  ["driver-version", "a library of another version that no name leads to does not count", "rtx4090x2",
    (root) => put(join(root, "usr/lib64/libcuda.so.535.1.2"), "left over"), "pass: 570.124.06"],
  ["driver-version", "a newer libcuda of the toolkit, for forward compatibility, is no fault", "rtx4090x2",
    (root) => {
      put(join(root, "usr/lib/libcuda.so.1"), "-> libcuda.so.999.1");
      copyFileSync(join(root, "usr/lib64/libcuda.so.570.124.06"), join(root, "usr/lib/libcuda.so.999.1"));
    },
    "pass: 570.124.06"],
  ["driver-libraries", "a file of libcuda that was lost with its links", "rtx4090x2",
    (root) => { for (const name of ["libcuda.so", "libcuda.so.1", "libcuda.so.570.124.06"]) rmSync(join(root, "usr/lib64", name)); },
    'fail BERTH-D002: "libcuda.so.1" of driver 570.124.06 is not in "/usr/lib64" => install the libraries of driver 570.124.06 once more, with the package or the installer that they came from'],
  ["device-nodes", "a node with the major of an earlier boot", "rtx4090x2",
    (root) => put(join(root, "dev/nvidia-uvm"), "berth-sim-device c 236 0\n", 0o666),
    'fail BERTH-D003: "ROOT/dev/nvidia-uvm" is the device 236:0, and should be 511:0 => berth --root ROOT nodes'],
  ["device-nodes", "a node that only root may open", "rtx4090x2",
    (root) => put(join(root, "dev/nvidia0"), "berth-sim-device c 195 0\n", 0o600),
    'warning BERTH-D003: "ROOT/dev/nvidia0" is 0600 of 0:0, and the driver wants 0666 of 0:0: who is not root may be refused => berth --root ROOT nodes'],
  ["device-nodes", "nvidia-uvm is not loaded", "rtx4090x2",
    (root) => put(join(root, "proc/devices"), "Character devices:\n195 nvidia\n195 nvidia-modeset\n195 nvidiactl\n\nBlock devices:\n"),
    'fail BERTH-D003: the module "nvidia-uvm" is not loaded, and CUDA needs its nodes => berth --root ROOT nodes --load-modules'],
  ["loader-cache", "a machine without such a file, as NixOS is", "rtx4090x2", (root) => rmSync(join(root, "etc/ld.so.cache")),
    "skip: there is no /etc/ld.so.cache here: the loader goes by other ways"],
  ["docker-config", "a runtime that is not there", "rtx4090x2",
    (root) => put(join(root, "etc/docker/daemon.json"), '{"runtimes": {"nvidia": {"path": "/nonexistent/nvidia-container-runtime"}}}'),
    'fail BERTH-H008: "ROOT/etc/docker/daemon.json" names "/nonexistent/nvidia-container-runtime" as the runtime "nvidia", and it is not there => berth --root ROOT setup docker; or take the runtime "nvidia" out of ROOT/etc/docker/daemon.json'],
  ["docker-config", "a default that was left behind by an uninstallation", "rtx4090x2",
    (root) => put(join(root, "etc/docker/daemon.json"), '{"default-runtime": "nvidia"}'),
    'fail BERTH-H008: "ROOT/etc/docker/daemon.json" makes "nvidia" the default runtime, and no file of docker defines it => berth --root ROOT setup docker; or take that line out of ROOT/etc/docker/daemon.json'],
  ["swarm", "a kind whose variable the runtime does not read", "rtx4090x2",
    (root) => put(join(root, "etc/docker/daemon.json"), JSON.stringify({ "node-generic-resources": ["gpu=GPU-09b76c9d"] })),
    'warning BERTH-T008: swarm-resource of config.toml does not name "DOCKER_RESOURCE_GPU", which tasks with "gpu" get: they have no GPU => berth --root ROOT setup swarm --kind gpu'],
  ["swarm", "a number in place of names", "rtx4090x2",
    (root) => offer(root, { "node-generic-resources": ["disks=1", "NVIDIA-GPU=2"] }),
    'warning BERTH-T008: "ROOT/etc/docker/daemon.json" offers "NVIDIA-GPU=2", and this machine has no such GPU, or offers it already => berth --root ROOT setup swarm'],
  ["swarm", "GPUs for a runtime that is not the default one", "rtx4090x2",
    (root) => offer(root, { "node-generic-resources": ["NVIDIA-GPU=GPU-09b76c9d"] }),
    'warning BERTH-T008: "ROOT/etc/docker/daemon.json" does not make nvidia-container-runtime the default runtime, and tasks of Swarm name none: they have no GPU => berth --root ROOT setup swarm'],
  ["swarm", "a GPU that is named by the beginning of its UUID", "rtx4090x2",
    (root) => offer(root, {
      "default-runtime": "nvidia", runtimes: { nvidia: { path: `${root}/bin/nvidia-container-runtime` } },
      "node-generic-resources": ["NVIDIA-GPU=GPU-09b76c9d"],
    }),
    'pass: 1 GPU as "NVIDIA-GPU"'],
  ["swarm", "something else than GPUs", "rtx4090x2",
    (root) => put(join(root, "etc/docker/daemon.json"), '{"node-generic-resources": ["disks=1"]}'),
    'skip: "ROOT/etc/docker/daemon.json" offers Swarm no GPUs'],
  ["containerd-config", "a runtime in a file that is imported", "rtx4090x2",
    (root) => {
      put(join(root, "etc/containerd/config.toml"), 'imports = ["/etc/containerd/conf.d/*.toml"]\n');
      put(join(root, "etc/containerd/conf.d/99-nvidia.toml"), '[plugins.cri.containerd]\ndefault_runtime_name = "nvidia"\n');
    },
    'fail BERTH-H008: "ROOT/etc/containerd/conf.d/99-nvidia.toml" makes "nvidia" the default runtime, and no file of containerd defines it => berth --root ROOT setup containerd; or take that line out of ROOT/etc/containerd/conf.d/99-nvidia.toml'],
]; // prettier-ignore

describe("after a change on a sound host", () => {
  test.each(CHANGES)("%s: %s", async (id, _, profile, change, said) => {
    using host = hosts.up(profile);
    change(host.dir);
    const finding = ask(check(id), hosts.input(host.dir)).then((found) => say(found, host.dir));
    expect(await finding).toBe(said);
  });
});

test("cgroups: containers that got GPUs after their start, where systemd may forget it", async () => {
  const { pid } = process;
  const root = hosts.root({
    "sys/fs/cgroup/cgroup.controllers": "",
    "run/systemd/system/x": "",
    [`proc/${pid}/cgroup`]: "0::/system.slice/docker-0123456789abcdef.scope\n",
  });
  using handle = ProcessHandle.open(pid);
  if (handle === undefined) throw new RangeError("this process is gone");
  const record = newAttachment("0123456789abcdef", handle);
  saveAttachment(join(root, "run/berth"), { ...record, started: [{ path: "/dev/nvidia0", major: 195, minor: 0 }] });
  expect(await look("cgroups", root)).toBe(
    'warning BERTH-H004: "0123456789ab" got GPUs when it ran (docker run --gpus, berth attach), and systemd keeps the control group: systemctl daemon-reload takes the permission away => berth attach --restore after a daemon-reload; or give GPUs by the runtime or by CDI, which systemd knows of',
  );
});
