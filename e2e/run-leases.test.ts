import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync, copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { LIST_NODES, NO_NETWORK } from "./engines/words.ts";
import { importIntoPodman, setUpPodman } from "./engines/podman.ts";
import { importImage, startDocker, type Docker } from "./lib/daemon.ts";
import { describeWith, program } from "./lib/gate.ts";
import { run, type Output } from "./lib/run.ts";
import { Scope } from "./lib/scope.ts";
import { simHost, type SimHost } from "./lib/sim-host.ts";

/** By index: the GPUs that NVLinks join. No two neighbours are on one. */
const ISLANDS = ["0,4", "1,5", "2,6", "3,7"];
const SLEEP = [...NO_NETWORK, "box", "sleep", "600"];
const DEADLINE_MS = 60_000;

/** A `berth` that runs beside the test. */
interface Beside {
  readonly pid: number;
  readonly kill: (signal: NodeJS.Signals) => void;
  /** Waits until it has written such a text to its standard error. */
  readonly says: (text: RegExp) => Promise<void>;
  readonly ended: () => Promise<Output>;
}

interface Ledger {
  readonly leases: readonly {
    readonly id: string;
    readonly state: string;
    readonly devices: readonly { readonly name: string }[];
  }[];
  readonly tickets: readonly { readonly owner: { readonly pid: number } }[];
}

describeWith(["docker", "dockerd", "runc", "busybox"], "berth run", () => {
  let scope: Scope;
  let host: SimHost;
  let docker: Docker;
  let shell: string;

  beforeAll(() => {
    scope = new Scope("run-leases");
    host = simHost(scope, "h100x8");
    makeIslands(host);
    shell = makeShell(scope);
    const runtimes = { nvidia: { path: host.runtime }, foreign: { path: program("runc") } };
    docker = startDocker(scope, { runtime: host.runtime, settings: { runtimes } });
    importImage(docker, shell, "box");
  }, 600_000);

  afterAll(() => scope.close());

  const env = () => ({ PATH: process.env["PATH"] ?? "", DOCKER_HOST: docker.host });
  const words = (...args: readonly string[]): string[] => [join(host.bin, "berth"), "--root", host.dir, ...args];
  const berth = (...args: readonly string[]): Output => run(words(...args), { env: env() });
  const beside = (...args: readonly string[]): Beside => startBeside(scope, words(...args), env());
  const ledger = (): Ledger => JSON.parse(berth("lease", "ls", "--json").stdout);
  const gpusOf = (name: string): string => gpusIn(docker.must("exec", name, "sh", "-c", LIST_NODES));

  test("gives what is named as it is named, the container's own exit code, and docker's where there is no container", async () => {
    const start = async (...args: readonly string[]): Promise<Output> =>
      beside("run", "-g", "2,5", "--", "--rm", ...NO_NETWORK, ...args).ended();
    const [listed, ...others] = await Promise.all([
      start("box", "sh", "-c", `${LIST_NODES}; exit 3`),
      start("--runtime", "nvidia", "box", "true"),
      start("box", "no-such-command"),
      start("--no-such-option", "box"),
    ]);
    const stdout = "nvidia-uvm nvidia-uvm-tools nvidia2 nvidia5 nvidiactl\n";
    expect(listed).toEqual({ status: 3, stdout, stderr: "" });
    expect(others.map(({ status }) => status)).toEqual([0, 127, 125]);
  });

  test("says what mends it where docker does not know the runtime, or it is none of berth's", () => {
    const said = (runtime: string): string => berth("run", "--", "--runtime", runtime, "box").stderr;
    expect(said("other")).toMatch(/^berth: BERTH-A042: .* knows no runtime "other"; remedy: berth setup docker\n$/);
    expect(said("foreign")).toMatch(
      /^berth: BERTH-A043: .*"foreign" of docker is ".*runc", which is not berth's; remedy: /,
    );
  });

  test("lets four who wait have a pair each on one island of NVLink; a fifth shows its place, and starts when one ends", async () => {
    const names = ["one", "two", "three", "four"];
    const pairs = names.map((name) => {
      return beside("run", "-g", "any:2", "--wait", "--", "--rm", "--name", name, ...SLEEP);
    });
    await untilTrue(() => docker.must("ps", "--quiet").split("\n").length === 4);
    expect(names.map(gpusOf).toSorted()).toEqual(ISLANDS);
    const late = beside("run", "-g", "any:2", "--", ...SLEEP);
    const fifth = beside("run", "-g", "any:2", "--wait", "--label", "fifth", "--", "--rm", "--name", "five", ...SLEEP);
    await fifth.says(/waiting: you are next; GPU 0: lease /);
    const sixth = beside("run", "-g", "any:2", "--wait=1h", "--", "--rm", ...SLEEP);
    const seventh = beside("run", "--wait", "--", "--rm", ...SLEEP);
    await Promise.all([sixth, seventh].map(({ says }) => says(/waiting: [12] before you; GPU 0: lease /)));
    const tickets = ledger().tickets.map(({ owner }) => owner.pid);
    expect(tickets[0]).toBe(fifth.pid);
    expect(new Set(tickets)).toEqual(new Set([fifth, sixth, seventh].map(({ pid }) => pid)));
    expect(await late.ended()).toMatchObject({
      status: 75,
      stderr: expect.stringContaining('BERTH-A002: Cannot give "any:2": none is free'),
    });
    sixth.kill("SIGINT");
    seventh.kill("SIGKILL");
    await Promise.all([sixth.ended(), seventh.ended()]);
    expect(ledger().tickets.map(({ owner }) => owner.pid)).toEqual([fifth.pid]);

    const freed = gpusOf("two");
    docker.must("kill", "two");
    expect((await pairs[1]?.ended())?.status).toBe(137);
    await untilTrue(() => docker.run("inspect", "--format", "{{.State.Running}}", "five").stdout === "true\n");
    expect(gpusOf("five")).toBe(freed);
    expect(ledger().tickets).toEqual([]);
    docker.must("rm", "--force", "one", "three", "four", "five");
    await Promise.all([...pairs, fifth].map(({ ended }) => ended()));
  }, 120_000);

  test("lets a container that is detached keep its lease when docker's client has ended, and a restart wish anew", async () => {
    const { status, stdout } = berth("run", "-g", "any:2", "--", "--detach", "--name", "kept", ...SLEEP);
    expect([status, stdout]).toEqual([0, expect.stringMatching(/^[0-9a-f]{64}\n$/)]);
    const gpus = gpusOf("kept");
    expect(leaseOf(ledger(), gpus)?.state).toBe("BOUND");
    docker.must("restart", "--time", "0", "kept");
    expect(gpusOf("kept")).toBe(gpus);

    docker.must("stop", "--time", "0", "kept");
    const other = beside("run", "-g", gpus, "--", "--rm", "--name", "other", ...SLEEP);
    await untilTrue(() => docker.run("inspect", "--format", "{{.State.Running}}", "other").stdout === "true\n");
    docker.must("start", "kept");
    expect(ISLANDS).toContain(gpusOf("kept"));
    expect(gpusOf("kept")).not.toBe(gpus);
    docker.must("rm", "--force", "other", "kept");
    await other.ended();
  }, 120_000);

  test("leaves the choice to the runtime for a user who is not root, and does not wait then", () => {
    chmodSync(docker.host.slice("unix://".length), 0o666);
    const user = ["setpriv", "--reuid", "4242", "--regid", "4242", "--clear-groups"];
    const start = (...args: readonly string[]): Output =>
      run([...user, ...words("run", "-g", "any:2", ...args)], { env: env() });
    const container = ["--", "--rm", ...NO_NETWORK, "box", "sh", "-c", LIST_NODES];
    const waiting = start("--wait", ...container);
    expect([waiting.status, waiting.stderr]).toEqual([
      1,
      expect.stringContaining("BERTH-A045: Cannot wait for GPUs: only root"),
    ]);
    expect(ISLANDS).toContain(gpusIn(start(...container).stdout));
  });

  test("is not needed for a wish in NV_GPU of nvidia-docker", () => {
    const more = { ...env(), NV_GPU: "any:2, model~H100 80GB" };
    const args = ["run", "--rm", ...NO_NETWORK, "box", "sh", "-c", LIST_NODES];
    const output = run([join(host.bin, "nvidia-docker"), ...args], { env: more });
    expect(output.stderr).toBe("");
    expect(ISLANDS).toContain(gpusIn(output.stdout));
  });
});

describeWith(["podman", "runc", "busybox"], "berth run with podman", () => {
  let scope: Scope;

  beforeAll(() => {
    scope = new Scope("run-podman");
  });

  afterAll(() => scope.close());

  test("gives two containers different GPUs by the runtime beside berth, tells a third to come later, and gives exit codes", async () => {
    const host = simHost(scope, "rtx4090x2");
    const podman = setUpPodman(scope, host.runtime);
    importIntoPodman(podman, makeShell(scope), "box");
    const path = scope.folder("path");
    const line = podman.client.map((word) => `'${word}'`).join(" ");
    writeFileSync(join(path, "podman"), `#!/bin/sh\nexec ${line} "$@"\n`, { mode: 0o755 });
    const env = { PATH: `${path}:${process.env["PATH"]}`, PODMAN_IGNORE_CGROUPSV1_WARNING: "1" };
    const start = (gpus: string, ...args: readonly string[]): Output => {
      return run(
        [join(host.bin, "berth"), "--root", host.dir, "run", "--engine", "podman", "-g", gpus, "--", ...args],
        { env },
      );
    };
    expect(start("0", "--rm", ...NO_NETWORK, "box", "sh", "-c", "exit 3").status).toBe(3);
    for (const name of ["a", "b"]) expect(start("any", "--detach", "--name", name, ...SLEEP).status).toBe(0);
    const gpusOf = (name: string): string => gpusIn(podman.must("exec", name, "sh", "-c", LIST_NODES));
    expect([gpusOf("a"), gpusOf("b")].toSorted()).toEqual(["0", "1"]);
    expect(start("any", ...SLEEP).status).toBe(75);
    podman.must("restart", "--time", "0", "a");
    expect([gpusOf("a"), gpusOf("b")].toSorted()).toEqual(["0", "1"]);
    podman.must("rm", "--all", "--force", "--time", "0");
    // conmon starts a podman for each container that ends, which would make its folders anew.
    await untilTrue(() => !isInUse(scope.dir));
  }, 120_000);
});

/** Joins the two GPUs of each island by four NVLinks, as the simulated driver then says. */
function makeIslands({ dir }: SimHost): void {
  const pairs = ISLANDS.map((island) => island.split(","));
  const lines = [...pairs, ...pairs.map((pair) => pair.toReversed())].flatMap(([one = "", other = ""]) =>
    [0, 1, 2, 3].map((link) => `${one} nvlink ${link} 1 ${other}\n`),
  );
  mkdirSync(join(dir, "var/lib/berth-sim"), { recursive: true });
  writeFileSync(join(dir, "var/lib/berth-sim/nvml-state"), lines.join(""));
}

/** A root file system that has busybox alone. */
function makeShell(scope: Scope): string {
  const tree = scope.folder("box");
  mkdirSync(join(tree, "bin"));
  for (const name of ["sh", "sleep", "true"]) copyFileSync(program("busybox"), join(tree, "bin", name));
  return tree;
}

/** "0,4" of "nvidia-uvm nvidia0 nvidia4 nvidiactl" */
function gpusIn(nodes: string): string {
  return [...nodes.matchAll(/nvidia(\d+)/g)].map(([, minor]) => minor).join();
}

/** Whether a process has a folder among its words. */
function isInUse(folder: string): boolean {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.some((pid) => readWords(pid).includes(folder));
}

function readWords(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    // It has just ended.
    return "";
  }
}

function leaseOf({ leases }: Ledger, gpus: string): Ledger["leases"][number] | undefined {
  return leases.find(({ devices }) => devices.map(({ name }) => name).join() === gpus);
}

function startBeside(scope: Scope, argv: readonly string[], env: Record<string, string>): Beside {
  const child = Bun.spawn([...argv], { env, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  scope.defer(() => child.kill("SIGKILL"));
  let said = "";
  const stdout = new Response(child.stdout).text();
  const reading = (async () => {
    const decoder = new TextDecoder();
    for await (const part of child.stderr) said += decoder.decode(part, { stream: true });
  })();
  return {
    pid: child.pid,
    kill: (signal) => child.kill(signal),
    says: (text) =>
      untilTrue(
        () => text.test(said),
        () => `${argv.join(" ")} says: ${said}`,
      ),
    ended: async () => {
      const status = await child.exited;
      await reading;
      return { status, stdout: await stdout, stderr: said };
    },
  };
}

async function untilTrue(check: () => boolean, explain: () => string = () => String(check)): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS;
  while (!check()) {
    if (performance.now() > deadline) throw new Error(`not within ${DEADLINE_MS} ms: ${explain()}`);
    await Bun.sleep(50);
  }
}
