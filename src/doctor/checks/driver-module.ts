import { fail, hereOnly, pass, type Check, type FaultParts, type Finding } from "../check.ts";
import type { Scene } from "../scene.ts";

const SECURE_BOOT = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";
const MODULES = "/lib/modules";
const MODULE_BYTES = 256 * 1024 * 1024;
/** What the kernel's scripts/sign-file puts at the end of a module. */
const SIGNED = "~Module signature appended~\n";

export const driverModule: Check = {
  id: "driver-module",
  title: "the driver's kernel module is loaded",
  needs: ["pci-device"],
  run: (scene) => {
    const { driver, absence, unit } = scene.host();
    if (driver !== undefined) {
      if (unit !== undefined) return pass(unit.model);
      return pass(`nvidia ${driver.version} (${isOpen(scene) ? "open" : "proprietary"} module)`);
    }
    if (scene.platform() !== "driver") {
      return fail({
        code: "BERTH-D001",
        cause: absence?.why ?? "there is no driver",
        remedy: absence?.remedy ?? "install it",
      });
    }
    return notLoaded(scene);
  },
};

function isOpen({ files }: Scene): boolean {
  return files.text("/proc/driver/nvidia/version")?.includes("Open Kernel Module") === true;
}

/** Why the module is not there, as far as files say it. */
function notLoaded(scene: Scene): Finding {
  const { files } = scene;
  const release = files.text("/proc/sys/kernel/osrelease")?.trim() ?? "";
  const found = findModule(scene, release);
  const parts = found === undefined ? withoutFile(scene, release) : withFile(scene, { release, path: found });
  return fail({ code: "BERTH-D001", ...parts });
}

/** The module was built for this kernel, and is not in it. */
function withFile(scene: Scene, module: { readonly release: string; readonly path: string }): Omit<FaultParts, "code"> {
  const { files } = scene;
  const cause = `the module "nvidia" is not loaded; "${files.place(module.path)}" is there for kernel ${module.release}`;
  if (isLoaded(scene, "nouveau")) {
    const remedy = 'echo "blacklist nouveau" > /etc/modprobe.d/nouveau.conf, update the initramfs, reboot';
    return { cause: `${cause}; "nouveau" is loaded in its place`, remedy };
  }
  if (isSecureBoot(scene) && !isSigned(scene, module.path)) {
    const remedy = "sign the module with a key that mokutil --import has enrolled, or switch Secure Boot off";
    return { cause: `${cause}, but Secure Boot is on and the module is not signed`, remedy };
  }
  return { cause, remedy: hereOnly(scene, ["modprobe", "nvidia"]) };
}

/** There is no module for this kernel. */
function withoutFile(scene: Scene, release: string): Omit<FaultParts, "code"> {
  const { files } = scene;
  const kernel = release === "" ? "the running kernel" : `the running kernel ${release}`;
  const others = files.list(MODULES).filter((name) => name !== release && findModule(scene, name) !== undefined);
  if (others.length > 0) {
    const cause = `the module "nvidia" was built for kernel ${others.join(", ")}, and not for ${kernel}`;
    return {
      cause,
      remedy: `install linux-headers-${release || "$(uname -r)"}, then: dkms autoinstall && modprobe nvidia`,
    };
  }
  const cause = `no driver is installed: "${files.place(`${MODULES}/${release}`)}" has no module "nvidia"`;
  const nouveau = isLoaded(scene, "nouveau") ? '; "nouveau" is loaded' : "";
  return {
    cause: cause + nouveau,
    remedy: "install NVIDIA's driver (Debian: nvidia-driver, Ubuntu: nvidia-driver-570-server)",
  };
}

/** By the index that depmod made: "updates/dkms/nvidia.ko.xz: …". */
function findModule({ files }: Scene, release: string): string | undefined {
  if (release === "") return undefined;
  const folder = `${MODULES}/${release}`;
  const index = files.bytes(`${folder}/modules.dep`, MODULE_BYTES);
  const text = index === undefined ? "" : new TextDecoder().decode(index);
  const path = /^(\S*\/nvidia(?:-current)?\.ko(?:\.\w+)?):/m.exec(text)?.[1];
  return path === undefined ? undefined : `${folder}/${path}`;
}

function isLoaded({ files }: Scene, name: string): boolean {
  return new RegExp(`^${name} `, "m").test(files.text("/proc/modules") ?? "");
}

/** The last byte is the variable, the four before it are its attributes (efivarfs). */
function isSecureBoot({ files }: Scene): boolean {
  return files.bytes(SECURE_BOOT)?.at(-1) === 1;
}

/** One that is compressed is not looked into, and taken to be signed. */
function isSigned({ files }: Scene, path: string): boolean {
  if (!path.endsWith(".ko")) return true;
  const bytes = files.bytes(path, MODULE_BYTES);
  return bytes === undefined || Buffer.from(bytes.subarray(-SIGNED.length)).toString("latin1") === SIGNED;
}
