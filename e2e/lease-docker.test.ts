import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { copyFileSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { NO_NETWORK } from "./engines/words.ts";
import { runBerth } from "./lib/berth.ts";
import { importImage, startDocker, type Docker } from "./lib/daemon.ts";
import { describeWith, program } from "./lib/gate.ts";
import { must, type Output } from "./lib/run.ts";
import { Scope } from "./lib/scope.ts";
import { simHost, type SimHost } from "./lib/sim-host.ts";

interface Lease {
  readonly state: string;
  readonly mode: string;
  readonly container?: {
    readonly id: string;
    readonly engine: string;
    readonly name: string;
    readonly image: string;
    readonly project: string;
  };
  readonly devices: readonly { readonly name: string }[];
}

const RUNTIME = ["--runtime", "nvidia"];
const VISIBLE = ["sh", "-c", "echo $NVIDIA_VISIBLE_DEVICES"];

/** Programs of busybox, and nothing else: an image that is there at once. */
function busyboxTree(scope: Scope): string {
  const tree = scope.folder("tree");
  for (const folder of ["bin", "dev", "etc", "proc", "sys"]) mkdirSync(join(tree, folder));
  copyFileSync(program("busybox"), join(tree, "bin/busybox"));
  for (const name of ["sh", "sleep", "echo", "cat", "mknod"]) symlinkSync("busybox", join(tree, "bin", name));
  return tree;
}

describeWith(["docker", "dockerd", "busybox"], "a container of Docker whose GPUs are chosen", () => {
  let scope: Scope;
  let host: SimHost;
  let docker: Docker;
  let plain: string;

  beforeAll(() => {
    scope = new Scope("lease-docker");
    host = simHost(scope, "h100x8");
    plain = readFileSync(host.configPath, "utf8");
    const specs = join(scope.folder("specs"), "cdi");
    must([join(host.bin, "berth"), "cdi", "generate", "--any", "--output", join(specs, "nvidia.yaml")]);
    const settings = { features: { cdi: true }, "cdi-spec-dirs": [specs] };
    docker = startDocker(scope, { runtime: host.runtime, path: host.bin, settings });
    importImage(docker, busyboxTree(scope), "tiny");
  }, 600_000);
  afterAll(() => scope.close());

  afterEach(() => {
    const ids = docker
      .must("ps", "--all", "--quiet")
      .split("\n")
      .filter((id) => id !== "");
    if (ids.length > 0) docker.must("rm", "--force", ...ids);
    rmSync(join(host.dir, "var/lib/berth/leases"), { recursive: true, force: true });
  });

  /** Keys of `[berth]`. The driver is not asked: the simulated one would say that all are idle. */
  function configure(...keys: readonly string[]): void {
    writeFileSync(host.configPath, `${plain}${["lease-unchecked = true", ...keys].join("\n")}\n`);
  }

  function start(...options: readonly string[]): string {
    return docker.must("run", "--detach", ...NO_NETWORK, ...options, "tiny", "sleep", "1000");
  }

  const show = (...options: readonly string[]): Output =>
    docker.run("run", "--rm", ...NO_NETWORK, ...options, "tiny", ...VISIBLE);

  function living(): readonly Lease[] {
    const ledger: { leases: Lease[] } = JSON.parse(runBerth(host, ["lease", "ls", "--json"]).stdout);
    return ledger.leases.filter(({ state }) => state !== "DRAINING");
  }

  const names = ({ devices }: Lease): string => devices.map(({ name }) => name).join();
  /** The nodes of its GPUs. */
  const gpusOf = (id: string): string =>
    docker.must("exec", id, "sh", "-c", "cd /dev; echo nvidia[0-9]*").replaceAll("nvidia", "");

  test("--gpus device=any:2 gives two idle ones by the hook alone, and by the runtime, which the hook leaves alone then", () => {
    configure();
    const hooked = start("--gpus", '"device=any:2"', "--name", "hooked");
    const shimmed = start(...RUNTIME, "--gpus", '"device=any:2"', "--label", "com.docker.compose.project=shop");
    expect([gpusOf(hooked), gpusOf(shimmed)]).toEqual(["0 1", "2 3"]);
    const leases = living();
    expect(leases.map(({ state, mode }) => [state, mode])).toEqual([
      ["BOUND", "own"],
      ["BOUND", "own"],
    ]);
    expect(leases.map(({ container }) => container)).toMatchObject([
      { id: hooked, engine: "docker", name: "hooked", image: "tiny", project: "" },
      { id: shimmed, engine: "docker", project: "shop" },
    ]);
    docker.must("kill", hooked);
    expect(living().map(names)).toEqual(["2,3"]);
  });

  test("-e with conditions, device ids in two parts as Compose writes them, and the annotation ask the same; the label only by its switch", () => {
    configure();
    expect(show(...RUNTIME, "-e", "NVIDIA_VISIBLE_DEVICES=any:2,model~H100").stdout.split(",")).toHaveLength(2);
    expect(show("--gpus", '"device=any:2,model~H100"').status).toBe(0);
    expect(show(...RUNTIME, "--annotation", "berth.gpus=any:3").stdout.split(",")).toHaveLength(3);
    const label = ["--label", "berth.gpus=any:4"];
    expect(show(...RUNTIME, ...label).stdout).toBe("\n");
    configure("docker-labels = true");
    // The launcher's note, by which a container without a GPU starts without berth, is that of the configuration before.
    expect(show(...RUNTIME, ...label).stdout.split(",")).toHaveLength(4);
    expect(show(...RUNTIME).stdout).toBe("\n");
  });

  test("--gpus 2 gives the first two, and two idle ones by the administrator's switch", () => {
    configure();
    start("--gpus", '"device=any:1"');
    expect(gpusOf(start("--gpus", "2"))).toBe("0 1");
    configure("choose-by-count = true");
    for (const options of [[], RUNTIME]) {
      expect(gpusOf(start(...options, "--gpus", "2"))).toMatch(/^[2-7] [2-7]$/);
    }
    expect(gpusOf(start("--gpus", '"device=0,1"'))).toBe("0 1");
  });

  test("--device nvidia.com/gpu=any:2 gives two idle ones: by berth's runtime, and by the file's own hook under another one", () => {
    configure();
    const [hooked, shimmed] = [[], RUNTIME].map((options) => start(...options, "--device", "nvidia.com/gpu=any:2"));
    if (hooked === undefined || shimmed === undefined) throw new RangeError("two containers");
    expect([gpusOf(hooked), gpusOf(shimmed)]).toEqual(["0 1", "2 3"]);
    expect(living().map(({ state, container }) => [state, container?.id])).toEqual([
      ["BOUND", hooked],
      ["BOUND", shimmed],
    ]);
    for (const id of [hooked, shimmed]) {
      const { stderr } = docker.run("exec", id, "sh", "-c", "mknod /x c 195 7; cat /x");
      expect(stderr).toContain("Operation not permitted");
    }
    expect(show("--device", "nvidia.com/gpu=any:5").stderr).toContain("BERTH-A002");
    expect(show(...RUNTIME, "--device", "nvidia.com/gpu=auto:4").stdout.split(",")).toHaveLength(4);
  });

  test("docker restart gives it the GPUs that it had, where nobody else has them by now", () => {
    configure();
    const other = start(...RUNTIME, "-e", "NVIDIA_VISIBLE_DEVICES=any:1");
    const id = start(...RUNTIME, "-e", "NVIDIA_VISIBLE_DEVICES=any:2");
    const had = gpusOf(id);
    docker.must("rm", "--force", other);
    docker.must("restart", "--time", "0", id);
    expect(gpusOf(id)).toBe(had);
    docker.must("stop", "--time", "0", id);
    const thief = start(...RUNTIME, "-e", "NVIDIA_VISIBLE_DEVICES=any:8");
    const refused = docker.run("start", id);
    expect(refused.stderr).toMatch(/BERTH-A002: Cannot give "any:2": none is free/);
    docker.must("rm", "--force", thief);
    docker.must("start", id);
    expect(gpusOf(id)).toBe(had);
  });

  test("a refusal is what docker prints, and the container is not started; who can do without starts", () => {
    configure();
    start("--gpus", '"device=any:8"');
    for (const options of [RUNTIME, []]) {
      const refused = show(...options, "--gpus", '"device=any:1"');
      expect(refused.status).not.toBe(0);
      expect(refused.stderr).toMatch(/BERTH-A002: Cannot give "any:1": none is free \(GPU 0: lease [^)]*/);
      expect(show(...options, "--gpus", '"device=optional"').status).toBe(0);
    }
    expect(show("--gpus", '"device=any:2,meem>=1G"').stderr).toContain('did you mean "mem"?');
  });
});
