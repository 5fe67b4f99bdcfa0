import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "./run.ts";
import { endProcess, isAlive, waitFor, type Scope } from "./scope.ts";

/** A daemon that a service manager of its own can restart. */
export interface Service {
  /** A folder with the `systemctl` and `journalctl` of this machine, as far as berth uses them, which know this one service. */
  readonly bin: string;
  readonly pid: () => number;
  readonly log: () => string;
}

const READY_MS = 60_000;

/** Starts it, and again after its end when somebody asks for that. */
const SUPERVISOR = `
cd "$1"; shift
while :; do
  setpriv --pdeathsig KILL "$@" >>log 2>&1 </dev/null &
  echo $! >pid.new; mv pid.new pid
  wait $!
  while [ ! -e go ]; do sleep 0.05; done
  rm go
done`;

const systemctl = (folder: string, unit: string, probe: string): string => `#!/bin/sh
cd ${folder}
case "$1" in
show) for last; do :; done; if [ "$last" = ${unit} ]; then cat pid; else echo 0; fi;;
restart)
  old=$(cat pid); kill "$old" 2>/dev/null
  while kill -0 "$old" 2>/dev/null; do sleep 0.05; done
  : >go
  while [ "$(cat pid)" = "$old" ]; do sleep 0.05; done
  while kill -0 "$(cat pid)" 2>/dev/null; do ${probe} >/dev/null 2>&1 && exit 0; sleep 0.1; done
  echo "Job for ${unit} failed because the control process exited with error code." >&2; exit 1;;
esac
`;

/** Starts a daemon as a service. `probe` is a shell command that succeeds once it answers. */
export function startService(scope: Scope, unit: string, argv: readonly string[], probe: string): Service {
  const folder = scope.folder("service");
  const bin = scope.folder("bin");
  const put = (name: string, text: string): void => {
    writeFileSync(join(bin, name), text);
    chmodSync(join(bin, name), 0o755);
  };
  put("systemctl", systemctl(folder, unit, probe));
  put("journalctl", `#!/bin/sh\ncat ${folder}/log\n`);
  const words = ["setpriv", "--pdeathsig", "KILL", "sh", "-c", SUPERVISOR, "sh", folder, ...argv];
  const supervisor = Bun.spawn(words, { stdin: "ignore", stdout: "ignore", stderr: "ignore" });
  const pid = (): number => Number(readFileSync(join(folder, "pid"), "utf8"));
  const log = (): string => readFileSync(join(folder, "log"), "utf8");
  scope.defer(() => {
    endProcess(supervisor.pid);
    if (existsSync(join(folder, "pid"))) endProcess(pid());
  });
  waitFor(
    () => (run(["sh", "-c", probe]).status === 0 ? true : undefined),
    READY_MS,
    () => log().slice(-2000),
  );
  if (!isAlive(pid())) throw new Error(`"${unit}" has ended: ${log().slice(-2000)}`);
  return { bin, pid, log };
}
