import { afterAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { simUp } from "../../sim/index.ts";
import { explain, openMachine, type KnownExplanation } from "./index.ts";

const work = mkdtempSync(join(tmpdir(), "berth-looks-"));
afterAll(() => rmSync(work, { recursive: true, force: true }), 60_000);

/** The root of a machine, and what is put into it. */
class Fake {
  readonly root: string;

  constructor(profile?: string) {
    this.root = mkdtempSync(join(work, "root-"));
    if (profile === undefined) return;
    rmSync(this.root, { recursive: true });
    simUp(this.root, profile, { executable: "/opt/berth/berth", standIns: true });
  }

  put(path: string, text = ""): this {
    mkdirSync(dirname(join(this.root, path)), { recursive: true });
    writeFileSync(join(this.root, path), text);
    return this;
  }

  copy(from: string, to: string): this {
    copyFileSync(join(this.root, from), join(this.root, to));
    return this;
  }

  program(name: string, release: string): this {
    this.put(`usr/bin/${name}`, `#!/bin/sh\necho ${name} version ${release}\n`);
    chmodSync(join(this.root, "usr/bin", name), 0o755);
    return this;
  }

  /** A daemon that was started `seconds` after 1970. */
  daemon(name: string, seconds: number): this {
    const fields = Array.from({ length: 30 }, () => "0").with(19, `${(seconds - 1000) * 100}`);
    return this.put("proc/4242/comm", `${name}\n`)
      .put("proc/4242/stat", `4242 (${name}) ${fields.join(" ")}`)
      .put("proc/stat", "cpu 0 0\nbtime 1000\n");
  }

  card(bus: string, driver: string | undefined): this {
    this.put(`sys/bus/pci/devices/${bus}/vendor`, "0x10de\n").put(`sys/bus/pci/devices/${bus}/class`, "0x030000\n");
    if (driver === undefined) return this;
    mkdirSync(join(this.root, "sys/bus/pci/drivers", driver), { recursive: true });
    symlinkSync(`../../drivers/${driver}`, join(this.root, "sys/bus/pci/devices", bus, "driver"));
    return this;
  }

  without(path: string): this {
    unlinkSync(join(this.root, path));
    return this;
  }

  async explain(text: string): Promise<KnownExplanation> {
    const found = await explain(text, openMachine(this.root));
    if (found.kind === "known") return found;
    throw new TypeError(`not known: ${text}`);
  }
}

const LIBRARIES = "usr/lib64";
const HOOK = "usr/bin/nvidia-container-runtime-hook";
const GPUS = 'could not select device driver "" with capabilities: [[gpu]]';
const RUNTIME = "unknown or invalid runtime name: nvidia";
const CDI = "unresolvable CDI devices nvidia.com/gpu=all";
const SPEC =
  "cdiVersion: 0.5.0\nkind: nvidia.com/gpu\ndevices:\n  - name: '0'\n    containerEdits:\n      deviceNodes:\n        - path: /dev/nvidia0\n";
const gpuHost = (): Fake => new Fake("rtx4090x2");
const dockerHost = (): Fake => gpuHost().program("dockerd", "26.1.5");

describe("which of the reasons for a missing GPU driver holds", () => {
  const rows: readonly (readonly [string, () => Fake, cause: string, remedy: string])[] = [
    ["Docker is not here", () => gpuHost(), "the daemon runs on another machine", "docker context ls"],
    ["Docker is a snap", () => gpuHost().put("var/snap/docker/x"), "is a snap", "snap remove docker"],
    [
      "Docker Desktop",
      () => gpuHost().put("opt/docker-desktop/x"),
      "in a virtual machine",
      "docker context use default",
    ],
    [
      "no GPU",
      () => new Fake().program("dockerd", "26.1.5"),
      "the PCI bus has no GPU of NVIDIA's",
      "run it on a machine with",
    ],
    [
      "no driver",
      () => new Fake().program("dockerd", "26.1.5").card("0000:01:00.0", undefined),
      "though the PCI bus has GPU 0000:01:00.0",
      "modprobe nvidia",
    ],
    [
      "vfio has it",
      () => new Fake().program("dockerd", "26.1.5").card("0000:01:00.0", "vfio-pci"),
      "GPU 0000:01:00.0 is bound to vfio-pci",
      "take the GPU from vfio-pci",
    ],
    [
      "no hook",
      () => dockerHost().without("bin/nvidia-container-runtime-hook").daemon("dockerd", 2000),
      'looks for the program "nvidia-container-runtime-hook"',
      "systemctl restart docker",
    ],
    [
      "dockerd is older than the hook",
      () => dockerHost().put(HOOK).daemon("dockerd", 2000),
      "was started before",
      "systemctl restart docker",
    ],
    [
      "dockerd is newer than the hook",
      () => dockerHost().put(HOOK).daemon("dockerd", 5_000_000_000),
      "it has a GPU driver now, or the client speaks to another daemon",
      "docker context ls",
    ],
    ["no dockerd runs", () => dockerHost().put(HOOK), "no dockerd runs here", "docker context ls"],
  ];
  test.each(rows)("%s", async (_, arrange, cause, remedy) => {
    const found = await arrange().explain(GPUS);
    expect(found.here).toMatchObject({ isSeen: true, cause: expect.stringContaining(cause) });
    expect(found.remedy).toContain(remedy);
  });
});

describe("what this machine says of", () => {
  const rows: readonly (readonly [string, () => Fake, text: string, cause: string, remedy: string])[] = [
    ["a runtime without daemon.json", dockerHost, RUNTIME, "there is no", "berth setup docker"],
    [
      "a runtime that daemon.json does not name",
      () => dockerHost().put("etc/docker/daemon.json", '{"runtimes":{"kata":{}}}'),
      RUNTIME,
      "names only kata",
      "berth setup docker",
    ],
    [
      "a runtime and a broken daemon.json",
      () => dockerHost().put("etc/docker/daemon.json", '{"runtimes":{,}}'),
      RUNTIME,
      "daemon.json",
      "mend daemon.json",
    ],
    [
      "a runtime that dockerd has not read yet",
      () => dockerHost().put("etc/docker/daemon.json", '{"runtimes":{"nvidia":{}}}').daemon("dockerd", 2000),
      RUNTIME,
      "was started before",
      "systemctl restart docker",
    ],
    [
      "CDI in a Docker that has it off",
      dockerHost,
      'could not select device driver "cdi" with capabilities: []',
      "CDI is off in docker 26.1.5",
      '"features": { "cdi": true }',
    ],
    [
      "libraries of another version",
      () => gpuHost().copy(`${LIBRARIES}/libcuda.so.570.124.06`, `${LIBRARIES}/libcuda.so.580.65.06`),
      "Driver/library version mismatch",
      "the loaded kernel module is 570.124.06, the libraries on disk are 570.124.06, 580.65.06",
      "restart the machine",
    ],
    ["libraries of one version", gpuHost, "Driver/library version mismatch", "are both 570.124.06", "out of the image"],
    [
      "a driver that is not loaded",
      () => new Fake("none"),
      "nvml error: driver not loaded",
      "is not loaded",
      "run it on a machine with",
    ],
    [
      "a CDI device without a file",
      () => gpuHost().program("podman", "5.4.2"),
      CDI,
      "there is no CDI file",
      "berth cdi generate",
    ],
    [
      "a CDI device that the file lacks",
      () => gpuHost().put("etc/cdi/nvidia.yaml", SPEC),
      CDI,
      'defines no "nvidia.com/gpu=all"; there are nvidia.com/gpu=0',
      "berth cdi list",
    ],
    ["a CDI file that is broken", () => gpuHost().put("etc/cdi/nvidia.yaml", "devices: ["), CDI, "nvidia.yaml", ""],
    [
      "a CDI device that an engine does not look for",
      () => dockerHost().put("etc/cdi/nvidia.yaml", SPEC),
      CDI.replace("all", "0"),
      "CDI is off in docker 26.1.5",
      '"features": { "cdi": true }',
    ],
    [
      "a CDI file that is too new for an engine",
      () => gpuHost().program("dockerd", "26.1.5").put("etc/cdi/nvidia.yaml", SPEC.replace("0.5.0", "1.1.0")),
      CDI.replace("all", "0"),
      "in CDI 1.1.0, which docker 26.1.5 cannot read",
      "berth cdi check",
    ],
    [
      "a driver file that is gone",
      gpuHost,
      "crun: cannot stat `/usr/lib/x86_64-linux-gnu/libcuda.so.550.54.14`: No such file",
      "the driver is 570.124.06 now",
      "berth cdi refresh",
    ],
    [
      "a node that is missing",
      () => gpuHost().without("dev/nvidia-uvm"),
      "lstat /dev/nvidia-uvm: no such file or directory",
      'there is no "/dev/nvidia-uvm"',
      "berth nodes --load-modules",
    ],
    [
      "a condition on CUDA",
      gpuHost,
      "unsatisfied condition: cuda>=13.0, please",
      "570.124.06, which supports CUDA 12.8",
      "install driver 580.65.06 or newer, or use an image for CUDA 12.8 or older",
    ],
    [
      "lost permissions with systemd",
      () => gpuHost().put("run/systemd/system/x"),
      "Failed to initialize NVML: Unknown Error",
      "has systemd",
      "berth attach --restore",
    ],
    [
      "lost permissions without systemd",
      gpuHost,
      "Failed to initialize NVML: Unknown Error",
      "has no systemd",
      "berth attach",
    ],
    [
      "SELinux",
      () => gpuHost().put("sys/fs/selinux/enforce", "1"),
      "avc: denied { read write } for xserver_misc_device_t",
      "SELinux is enforcing",
      "setsebool",
    ],
    [
      "GPUs that cannot do it",
      () => new Fake("rtx4090x2"),
      "Error 804: forward compatibility was attempted on non supported HW",
      "RTX 4090",
      "install a newer driver",
    ],
  ];
  test.each(rows)("%s", async (_, arrange, text, cause, remedy) => {
    const found = await arrange().explain(text);
    expect(found.here).toMatchObject({ isSeen: true, cause: expect.stringContaining(cause) });
    expect(found.remedy).toContain(remedy);
  });

  test("what cannot be found out is said, never guessed", async () => {
    const found = await explain(GPUS, openMachine("/nonexistent"));
    expect(found).toMatchObject({
      kind: "known",
      here: { isSeen: false, cause: expect.stringContaining("cannot be seen from here") },
    });
  });

  test("nothing is looked up that the error has nothing to do with", async () => {
    const machine = openMachine("/nonexistent");
    const found = await explain("cannot set both Count and DeviceIDs on device request", machine);
    expect(found).toMatchObject({ kind: "known", here: undefined });
  });
});
