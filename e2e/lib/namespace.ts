import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { must } from "./run.ts";
import { endProcess, waitFor, type Scope } from "./scope.ts";

/**
 * Makes a mount namespace, with what `prepare`, a shell script, mounts in it, and keeps it as long as the scope. Gives the words that start a program in it: an engine
 * whose processes come and go has to find the same mounts each time.
 */
export function holdMountNamespace(scope: Scope, prepare: string): readonly string[] {
  const folder = scope.folder("namespace");
  const [script, isReady] = [join(folder, "script"), join(folder, "ready")];
  writeFileSync(script, `set -e\n${prepare}\n: >${isReady}\nexec sleep infinity\n`);
  const holder = Bun.spawn(["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "sh", script], {
    stdin: "ignore",
    stdout: "inherit",
    stderr: "inherit",
  });
  scope.defer(() => endProcess(holder.pid));
  waitFor(
    () => existsSync(isReady) || holder.exitCode !== null || undefined,
    10_000,
    () => prepare,
  );
  const words = ["nsenter", `--mount=/proc/${holder.pid}/ns/mnt`, "--"];
  must([...words, "true"]);
  return words;
}

/**
 * A process that waits in a mount namespace of its own, made with the mounts of this moment, as long as the scope. Gives its number. `root`: a folder that is the root of that
 * namespace, with `sleep` and an empty /mnt in it.
 */
export function holdProcess(scope: Scope, root = "/"): number {
  const enter =
    root === "/"
      ? []
      : ["sh", "-ec", `cd ${root}; mount -t proc proc proc; pivot_root . mnt; umount -l /mnt; exec "$@"`, "sh"];
  const apart = ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--propagation", "private"];
  const words = [...apart, ...enter, "sleep", "infinity"];
  const { pid } = Bun.spawn(words, { stdin: "ignore", stdout: "ignore", stderr: "ignore" });
  scope.defer(() => endProcess(pid));
  waitFor(
    () => readFileSync(`/proc/${pid}/comm`, "utf8") === "sleep\n" || undefined,
    10_000,
    () => words.join(" "),
  );
  return pid;
}
