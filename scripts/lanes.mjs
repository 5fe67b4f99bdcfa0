/**
 * Runs the files of the end-to-end tests in three lanes beside each other: a quarter of their time is waiting for daemons and containers. Each file runs in a process of its own and in
 * a mount namespace with a `/tmp` of its own, so that a test that compares mounts or temporary files before and after sees nothing of the other lanes.
 */
import { spawn, spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, readdirSync, realpathSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { bun, root } from "./setup.mjs";

const LANES = 3;
/** They hold the machine's own control groups or processes against what was there before. */
const ALONE = ["device-cgroup.test.ts"];
/** Those that take more than half a minute, the longest first, as measured; a file's size says little. */
const LONGEST =
  "docker attach hook-docker live-faults security cdi-podman cdi-docker flags cdi-crun setup-docker hook-input selftest cdi-security hook-podman find-container docker-remap".split(
    " ",
  );

/** Calls `onEnd(output, status)` for each file, in the order of their ends. */
export async function runEndToEnd(onEnd) {
  const folder = join(root, "e2e");
  const names = readdirSync(folder).filter((name) => name.endsWith(".test.ts"));
  // The longest first, so that the lanes end at about the same time.
  const queue = names.filter((name) => !ALONE.includes(name)).toSorted((a, b) => rank(b) - rank(a));
  const lane = async () => {
    for (let name = queue.shift(); name !== undefined; name = queue.shift()) onEnd(...(await runFile(name)));
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  for (const name of names.filter((each) => ALONE.includes(each))) onEnd(...(await runFile(name)));
}

function rank(name) {
  const place = LONGEST.indexOf(name.replace(".test.ts", ""));
  return place < 0 ? statSync(join(root, "e2e", name)).size / 2 ** 40 : LONGEST.length - place;
}

/** These sources may themselves be below /tmp: then they are in the lane's, too. */
const ownTmp = `case $2 in
/tmp/*) mkdir -p "$1\${2#/tmp}" && mount --bind "$2" "$1\${2#/tmp}" ;;
esac
mount --rbind "$1" /tmp
cd "$2"
shift 2
exec "$@"`;
const canUnshare = process.getuid?.() === 0 && spawnSync("unshare", ["--mount", "true"]).status === 0;

async function runFile(name) {
  const temporary = canUnshare ? mkdtempSync("/var/tmp/berth-lane-") : undefined;
  if (temporary !== undefined) chmodSync(temporary, 0o1777);
  const test = [bun, "test", "--timeout", "120000", `./e2e/${name}`];
  const argv =
    temporary === undefined
      ? test
      : ["unshare", "--mount", "sh", "-ec", ownTmp, "sh", temporary, realpathSync(root), ...test];
  const child = spawn(argv[0], argv.slice(1), { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
  const status = await new Promise((resolve) => child.on("close", resolve));
  if (temporary !== undefined) rmSync(temporary, { recursive: true, force: true });
  return [output, status];
}
