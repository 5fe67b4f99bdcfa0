import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Bundle } from "./bundle.ts";
import type { CdiHook } from "./cdi.ts";

const FOLDER = "/usr/lib/x86_64-linux-gnu";

/** Writes the state that a low-level runtime gives to a createContainer hook of a bundle, and gives the file's path. Source: OCI runtime specification 1.3, "State". */
export function writeState(bundle: Bundle, more: Readonly<Record<string, string>> = {}): string {
  const path = join(bundle.dir, "state.json");
  const state = { ociVersion: "1.0.2", id: "e2e", status: "creating", pid: 1, bundle: bundle.dir, ...more };
  writeFileSync(path, JSON.stringify(state));
  return path;
}

/** The words that start a program in a mount namespace of its own, as a container's hook is: what it mounts is gone with it. */
export const IN_NAMESPACE = ["unshare", "--mount", "--propagation", "private"];

/** Every hook that berth has, as words behind the program's name: the one of a CDI file of berth, with four of its libraries, and those of NVIDIA's files. */
export function hookVerbs(hook: CdiHook): Readonly<Record<string, readonly string[]>> {
  const isOfLibrary = (index: number): boolean =>
    [index, index - 1].some((at) => hook.args[at]?.startsWith("--library") === true);
  const first = hook.args.indexOf("--library");
  const driver = hook.args[hook.args.indexOf("--host-driver-version") + 1] ?? "";
  const link = `libcuda.so.1::${FOLDER}/libcuda.so`;
  return {
    "update-container": [
      ...hook.args.filter((_, index) => index > 0 && !isOfLibrary(index)),
      ...hook.args.slice(first, first + 8),
    ],
    "create-symlinks": ["create-symlinks", "--link", link, "--link", "../x::/dev/dri/by-path/x"],
    "update-ldcache": ["update-ldcache", "--folder", FOLDER],
    "enable-cuda-compat": ["enable-cuda-compat", `--host-driver-version=${driver}`],
    "update-application-profile": ["update-application-profile"],
    "disable-device-node-modification": ["disable-device-node-modification"],
    chmod: ["chmod", "--mode", "777", "--path", "/dev", "--path", "/etc", "--path", FOLDER],
  };
}
