import { afterAll, beforeAll, expect, test } from "bun:test";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { importImage, startDocker, type Docker } from "./lib/daemon.ts";
import { describeWith, dist, program } from "./lib/gate.ts";
import { must, run } from "./lib/run.ts";
import { isAlive, Scope, waitFor } from "./lib/scope.ts";
import { simHost, type SimHost } from "./lib/sim-host.ts";
import { Tmux } from "./lib/tmux.ts";

describeWith(["docker", "dockerd", "busybox", "tmux"], "berth top and ps", () => {
  let scope: Scope;
  let host: SimHost;
  let docker: Docker;
  let pid = "";
  let berth: readonly string[] = [];

  beforeAll(() => {
    scope = new Scope("top");
    host = simHost(scope, "h100x8");
    berth = [join(dist, "bin/berth"), "--root", host.dir];
    for (const folder of ["var/lib/berth-sim", "dev"]) mkdirSync(join(host.dir, folder), { recursive: true });
    const lost = (host.gpus[6]?.bus ?? "").replace(/\.0$/, "");
    writeFileSync(join(host.dir, "dev/kmsg"), `4,1,1000,-;NVRM: Xid (PCI:${lost}): 79, GPU has fallen off the bus.\n`);
    docker = startDocker(scope, { runtime: host.runtime });
    const tree = scope.folder("worker");
    mkdirSync(join(tree, "bin"));
    copyFileSync(program("busybox"), join(tree, "bin/sleep"));
    importImage(docker, tree, "worker");
    const labels = ["--label", "com.docker.compose.project=shop"];
    docker.must("run", "--detach", "--runtime", "runc", "--network", "none", "--name", "web-1", ...labels, "worker", "sleep", "600"); // prettier-ignore
    pid = docker.must("inspect", "--format", "{{.State.Pid}}", "web-1").trim();
    // Of this process, so that it lasts as long as the test.
    must([...berth, "lease", "take", "-g", "any:2", "--unchecked", "--label", "train", "--owner-pid", String(process.pid)]); // prettier-ignore
  }, 600_000);

  afterAll(() => scope.close());

  const USUAL = () => ["0 gpu-percent 96", "0 memory-used-mib 11848", `0 process ${pid} 11821`, "0 power-mw 351500"];
  const write = (...lines: readonly string[]): void =>
    writeFileSync(join(host.dir, "var/lib/berth-sim/nvml-state"), `${[...USUAL(), ...lines].join("\n")}\n`);
  const ending = (): string => `echo "it ended with $?"; stty -g > ${scope.dir}/after`;
  const start = (columns: number, rows: number, ...words: readonly string[]): Tmux => {
    const tmux = new Tmux(scope, { columns, rows });
    tmux.type(`export DOCKER_HOST=${docker.host}; stty -g > ${scope.dir}/before; clear`);
    tmux.type(`${[...berth, "top", ...words].join(" ")}; ${ending()}`);
    tmux.until(({ text }) => text.includes("COMMAND"));
    return tmux;
  };
  const expectRestored = (tmux: Tmux, code: number): void => {
    const look = tmux.until(({ text }) => text.includes(`it ended with ${code}`) && text.trimEnd().endsWith("$"));
    expect(look).toMatchObject({ isOtherScreen: false, hasCursor: true });
    expect(readFileSync(join(scope.dir, "after"), "utf8")).toBe(readFileSync(join(scope.dir, "before"), "utf8"));
    const left = (): readonly number[] => running(host.dir, "berth", "--root");
    waitFor(
      () => (left().length === 0 ? true : undefined),
      10_000,
      () => left().map(commandOf).join("\n"),
    );
    tmux.close();
  };

  test.each([
    [60, 24],
    [100, 30],
    [200, 50],
  ])("fills a terminal of %i columns", (columns, rows) => {
    write("1 gpu-percent 45", "2 memory-used-mib 40000", "5 temperature 91");
    const tmux = start(columns, rows);
    const { text, isOtherScreen, hasCursor } = tmux.until(
      (look) => look.text.includes("web-1") && !look.text.includes("SICK"),
    );
    expect([isOtherScreen, hasCursor]).toEqual([true, false]);
    // Which columns the table has follows the widths of numbers that differ from run to run.
    const [gpus = "", table = ""] = normalise(text).split(/(?=^ GPU PID )/m);
    expect(gpus).toMatchSnapshot();
    expect(table).toMatch(/^ 0 PID .*root web-1 .*11821M .*TIME sleep 600$/m);
    expect(table).toMatch(/^ 1 - .*root .*TIME leased/m);
    tmux.press("q");
    expectRestored(tmux, 0);
  });

  test("marks a GPU that hangs while the others go on, and follows the terminal's size", () => {
    write();
    const tmux = start(100, 30);
    write("3 hang", "7 gpu-percent 44");
    tmux.until(({ text }) => text.includes("SICK: it has not answered within 1 second") && text.includes("44%"));
    write("3 hang", "7 gpu-percent 45");
    tmux.until(({ text }) => text.includes("SICK") && text.includes("45%") && text.includes("8 GPUs, 1 sick"));
    tmux.resize(60, 20);
    const small = tmux.until(({ text }) => text.includes(" # GPU"));
    expect(small.text).toContain("SICK");
    expect(Math.max(...small.text.split("\n").map((line) => Bun.stringWidth(line)))).toBeLessThanOrEqual(60);
    tmux.press("q");
    expectRestored(tmux, 0);
  });

  test("stops at Ctrl-Z and comes back, sends a signal after a question, and leaves the terminal as it was when it is ended", () => {
    write(`1 process ${sleeper().pid} 100`);
    const tmux = start(100, 30);
    tmux.press("C-z");
    tmux.until(({ text, isOtherScreen, hasCursor }) => !isOtherScreen && hasCursor && text.includes("Stopped"));
    tmux.type(`fg; ${ending()}`);
    tmux.until(({ text, isOtherScreen }) => isOtherScreen && text.includes("q quit"));
    const victim = sleeper();
    write(`1 process ${victim.pid} 100`);
    tmux.until(({ text }) => text.includes(` ${victim.pid} `));
    tmux.press("j", "j", "T");
    tmux.until(({ text }) => text.includes(`Send SIGTERM to process ${victim.pid} (sleep 600`));
    tmux.press("y");
    tmux.until(({ text }) => text.includes(`SIGTERM was sent to process ${victim.pid}`));
    waitFor(
      () => (isAlive(victim.pid) ? undefined : true),
      10_000,
      () => "it still runs",
    );
    process.kill(running(host.dir, "berth", " top ")[0] ?? 0, "SIGTERM");
    expectRestored(tmux, 143);
  });

  const sleeper = () => {
    const child = Bun.spawn(["sleep", "600"], { stdio: ["ignore", "ignore", "ignore"] });
    scope.defer(() => child.kill("SIGKILL"));
    return child;
  };

  test("once and as JSON it needs no terminal", () => {
    write("0 nvlink-rx-kib 1", "0 nvlink-tx-kib 1");
    const env = { PATH: process.env["PATH"] ?? "", DOCKER_HOST: docker.host };
    expect(normalise(run([...berth, "top", "--once"], { env }).stdout)).toMatch(/^ 0 H100 .* 96% .* 352\/400W$[^]*^ 0 PID C root web-1 shop train\/root 11821M /m); // prettier-ignore
    const json: unknown = JSON.parse(run([...berth, "top", "--json"], { env }).stdout);
    expect(json).toMatchObject({ gpus: [{ nvlinkRxBytesPerSecond: 0 }, ...host.gpus.slice(1).map(() => ({}))], leases: [{ label: "train" }, { label: "train" }] }); // prettier-ignore
    const lines = must(["sh", "-c", '"$@" | head -n 2', "sh", ...berth, "top", "--json", "-i", "0.2"], { env });
    expect(lines.trim().split("\n").map((line) => JSON.parse(line).schema)).toEqual(["berth-top-1", "berth-top-1"]); // prettier-ignore
    expect(run([...berth, "top"], { env }).stderr).toContain("BERTH-W003");
  });

  test("berth ps names the container, shows a lease that nothing uses, and filters", () => {
    write("4 memory-used-mib 5000");
    const env = { PATH: process.env["PATH"] ?? "", DOCKER_HOST: docker.host };
    const ps = (...args: readonly string[]) => run([...berth, "ps", ...args], { env });
    expect(normalise(ps().stdout)).toMatch(/^0 PID C root web-1 worker shop train\/root 11821M [\d.]+ [\d.]+M TIME sleep 600$/m); // prettier-ignore
    expect(ps().stdout).toContain("leased, unused: ");
    expect(ps("--project", "shop").stdout.trim().split("\n")).toHaveLength(2);
    expect(ps("--orphans").stdout).toContain("memory in use: no process that can be seen holds it");
    docker.must("rm", "--force", "web-1");
    write("4 memory-used-mib 5000");
    expect(ps("--orphans", "--gpu", "0").stdout).toContain("orphan: there is no such process");
  });
});

/** Without what differs from run to run: widths follow the numbers of processes, and graphs the time. */
function normalise(text: string): string {
  return text
    .replace(/[\u2800-\u28ff]/g, " ")
    .replaceAll(hostname(), "HOST")
    .replace(/\d\d:\d\d:\d\d/g, "CLOCK")
    .replace(/\b\d+(?:s|m\d\ds|h\d\dm)(?= |$)/gm, "TIME")
    .replace(/: [0-9a-f]{8} of process \d+/g, ": LEASE of process PID")
    .replace(/^( ?\d +)\d+/gm, (_, before: string) => `${before}PID`)
    .replace(/ +/g, " ")
    .replace(/ +$/gm, "");
}

/** Processes that have these words on their command lines, this one excepted. */
function running(...words: readonly string[]): readonly number[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name)).map(Number);
  return pids.filter((pid) => {
    const command = commandOf(pid);
    return pid !== process.pid && words.every((word) => command.includes(word));
  });
} // prettier-ignore

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  } catch {
    // It has gone meanwhile.
    return "";
  }
}
