import { listPciGpus, type PciGpu } from "../../host/index.ts";
import { fail, pass, warn, type Check, type Finding } from "../check.ts";
import type { Scene } from "../scene.ts";
import { count } from "../words.ts";

export const pciDevice: Check = {
  id: "pci-device",
  title: "there is a GPU of NVIDIA, and no other driver has it",
  run: (scene) => {
    const platform = scene.platform();
    if (platform !== "driver")
      return pass(platform === "wsl" ? "a GPU of Windows, behind /dev/dxg" : "a Jetson's own GPU");
    const gpus = listPciGpus(scene.root);
    if (gpus.length > 0) return judge(scene, gpus);
    // A sandbox may hide the bus; what the driver has is there.
    const known = scene.host().gpus;
    return known.length === 0
      ? noGpu(scene)
      : pass(`the driver has ${count(known.length, "GPU")}; the bus is not shown`);
  },
};

function noGpu({ files }: Scene): Finding {
  const cause = `no GPU of NVIDIA is in "${files.place("/sys/bus/pci/devices")}"`;
  const remedy = "put a GPU in (or in a virtual machine pass one through), then see: lspci -d 10de:";
  return fail({ code: "BERTH-H001", cause, remedy });
}

function judge(scene: Scene, gpus: readonly PciGpu[]): Finding {
  const own = gpus.filter(({ driver }) => driver === "nvidia");
  const taken = gpus.filter(({ driver }) => driver !== undefined && driver !== "nvidia");
  if (taken.length > 0) {
    const cause = taken.map(({ bus, driver }) => `GPU ${bus} is bound to "${driver}", not to "nvidia"`).join("; ");
    const make = own.length > 0 ? warn : fail;
    return make({ code: "BERTH-H002", cause, remedy: takeBack(taken) });
  }
  const free = gpus.filter(({ driver }) => driver === undefined);
  // Where the module is not loaded, that is the fault.
  if (free.length > 0 && scene.files.stat("/sys/module/nvidia") !== undefined) {
    const cause = `the module "nvidia" is loaded, and has not taken ${free.map(({ bus }) => `GPU ${bus}`).join(", ")}`;
    return (own.length > 0 ? warn : fail)({ code: "BERTH-H002", cause, remedy: "dmesg | grep NVRM says why" });
  }
  const bound = own.length > 0 ? "bound to nvidia" : "bound to no driver";
  return pass(`${count(gpus.length, "GPU")} ${bound}: ${gpus.map(({ bus }) => bus).join(", ")}`);
}

function takeBack([first, ...others]: readonly PciGpu[]): string {
  const { bus = "", driver = "" } = first ?? {};
  if (driver === "nouveau")
    return 'echo "blacklist nouveau" > /etc/modprobe.d/nouveau.conf, update the initramfs, reboot';
  const more = others.length > 0 ? "; the same for the others" : "";
  return `unless a virtual machine is to have it: echo ${bus} > /sys/bus/pci/drivers/${driver}/unbind; echo ${bus} > /sys/bus/pci/drivers_probe${more}`;
}
