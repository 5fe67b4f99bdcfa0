import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { requestOf, type TrialContainer } from "./trial-words.ts";

const PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Makes a folder that holds `rootfs` a bundle of a trial container, for a runtime without an engine. Source: OCI runtime specification 1.1. */
export function writeBundle(folder: string, container: TrialContainer): void {
  writeFileSync(join(folder, "config.json"), JSON.stringify(bundleSpec(container), undefined, 1));
}

function bundleSpec(container: TrialContainer): object {
  return {
    ociVersion: "1.0.2",
    process: {
      terminal: false,
      user: { uid: 0, gid: 0 },
      args: container.command,
      env: [PATH, ...requestOf(container)],
      cwd: "/",
      capabilities: { bounding: [], effective: [], permitted: [] },
      noNewPrivileges: true,
    },
    root: { path: "rootfs", readonly: false },
    hostname: "berth-selftest",
    mounts: [
      { destination: "/proc", type: "proc", source: "proc", options: ["nosuid", "noexec", "nodev"] },
      {
        destination: "/dev",
        type: "tmpfs",
        source: "tmpfs",
        options: ["nosuid", "strictatime", "mode=755", "size=65536k"],
      },
      {
        destination: "/dev/shm",
        type: "tmpfs",
        source: "shm",
        options: ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"],
      },
      { destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "noexec", "nodev", "ro"] },
      ...container.mounts.map(({ source, target }) => {
        return { destination: target, type: "bind", source, options: ["rbind", "ro", "nosuid", "nodev"] };
      }),
    ],
    linux: {
      namespaces: ["pid", "mount", "ipc", "uts", "network"].map((type) => ({ type })),
      resources: { devices: [{ allow: false, access: "rwm" }] },
      maskedPaths: ["/proc/kcore"],
      readonlyPaths: ["/proc/sys"],
    },
  };
}
