import { basename, dirname } from "node:path";

const FOLDERS = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/** The file of `hooks.d` that puts a hook before each container's first program (containers/common, oci-hooks.5.md; peer-behaviour 7.5). */
export function formatOciHook(path: string): string {
  const folder = dirname(path);
  const folders = FOLDERS.includes(folder) ? FOLDERS : [...FOLDERS, folder];
  const hook = {
    version: "1.0.0",
    hook: { path, args: [basename(path), "prestart"], env: [`PATH=${folders.join(":")}`] },
    when: { always: true, commands: [".*"] },
    stages: ["prestart"],
  };
  return JSON.stringify(hook, undefined, 2);
}
