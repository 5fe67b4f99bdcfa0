import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { clientEnv } from "./engines/clients.ts";
import { importIntoPodman, mountCdiFolder, setUpPodman, type Podman } from "./engines/podman.ts";
import { askFor, NO_NETWORK } from "./engines/words.ts";
import { debianTree } from "./images/debian.ts";
import { runBerth } from "./lib/berth.ts";
import { describeWith, program } from "./lib/gate.ts";
import { holdMountNamespace } from "./lib/namespace.ts";
import { must, type Output } from "./lib/run.ts";
import { Scope } from "./lib/scope.ts";
import { listing, pick, simHost, type SimHost } from "./lib/sim-host.ts";
import { treeState } from "./lib/tree-state.ts";

describeWith(["podman", "runc", "debootstrap"], "berth setup podman", () => {
  let scope: Scope;
  let host: SimHost;
  let podman: Podman;
  let env: Readonly<Record<string, string>>;

  beforeAll(() => {
    scope = new Scope("setup-podman");
    host = simHost(scope, "h100x8");
    for (const name of ["etc/containers", "var/run/cdi"]) mkdirSync(join(host.dir, name), { recursive: true });
    // This podman's configuration and CDI files are those of the host.
    must(["cp", "-a", "/etc/containers/.", join(host.dir, "etc/containers")]);
    const mounts = [
      mountCdiFolder(join(host.dir, "var/run/cdi"), scope.folder("etc")),
      `mount --bind ${host.dir}/etc/containers /etc/containers`,
    ];
    podman = setUpPodman(scope, program("runc"), holdMountNamespace(scope, mounts.join(" && ")));
    importIntoPodman(podman, debianTree(), "debian");
    env = clientEnv(scope, { podman });
  }, 600_000);

  afterAll(() => scope.close());

  const berth = (...args: readonly string[]): Output => runBerth(host, args, { env, timeoutMs: 120_000 });
  const list = (before: readonly string[], ...words: readonly string[]): Output =>
    podman.run(...before, "run", "--rm", ...NO_NETWORK, ...words, "debian", "nvidia-smi", "-L");

  test("needs no restart: the next container has the runtime and the CDI devices, and --undo leaves nothing", () => {
    const before = treeState(join(host.dir, "etc"));
    const set = berth("setup", "podman", "--cdi");
    expect({ status: set.status, stderr: set.stderr }).toEqual({ status: 0, stderr: "" });
    expect(set.stdout).toContain("podman 5.4.2: a container with the runtime nvidia has used CUDA on 8 GPUs\n");
    expect(set.stdout).toContain(
      "podman 5.4.2: a container with the CDI device nvidia.com/gpu=all has used CUDA on 8 GPUs\n",
    );
    expect(list(["--runtime", "nvidia"], ...askFor("2,5")).stdout).toBe(listing(pick(host, 2, 5)));
    expect(list([], "--device", "nvidia.com/gpu=3").stdout).toBe(listing(pick(host, 3)));
    const undone = berth("setup", "--undo");
    expect({ status: undone.status, stderr: undone.stderr }).toEqual({ status: 0, stderr: "" });
    expect(treeState(join(host.dir, "etc"))).toEqual(before);
    expect(list(["--runtime", "nvidia"]).status).not.toBe(0);
  });
});
