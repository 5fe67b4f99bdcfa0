import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CriClient, runInPod, waitForImage, type ContainerWish } from "./engines/cri.ts";
import { writeOciArchive } from "./engines/oci-image.ts";
import { debianTree } from "./images/debian.ts";
import { runBerth } from "./lib/berth.ts";
import { describeWith, program } from "./lib/gate.ts";
import { must, run, type Output } from "./lib/run.ts";
import { Scope } from "./lib/scope.ts";
import { startService, type Service } from "./lib/service.ts";
import { listing, pick, simHost, type SimHost } from "./lib/sim-host.ts";
import { treeState } from "./lib/tree-state.ts";

const DEBIAN = "example.org/debian:e2e";
const PAUSE = "example.org/pause:e2e";

describeWith(["containerd", "ctr", "runc", "debootstrap"], "berth setup containerd", () => {
  let scope: Scope;
  let host: SimHost;
  let service: Service;
  let config: string;
  let address: string;

  beforeAll(async () => {
    scope = new Scope("setup-containerd");
    host = simHost(scope, "h100x8");
    const folder = scope.folder("containerd");
    address = join(folder, "socket");
    config = join(host.dir, "etc/containerd/config.toml");
    mkdirSync(join(host.dir, "etc/containerd"), { recursive: true });
    writeFileSync(
      config,
      `# the administrator's own\nversion = 2\nroot = "${folder}/root"\nstate = "${folder}/state"\n\n[grpc]\n  address = "${address}" # here\n\n` +
        `[plugins."io.containerd.grpc.v1.cri"]\n  sandbox_image = "${PAUSE}"\n  restrict_oom_score_adj = true\n  cdi_spec_dirs = ["${host.dir}/var/run/cdi"]\n`,
    );
    const argv = [program("containerd"), "--config", config];
    service = startService(
      scope,
      "containerd.service",
      argv,
      `${program("ctr")} --connect-timeout 1s --address ${address} version`,
    );
    const env = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"];
    const images = [
      { name: DEBIAN, tree: debianTree(), env },
      { name: PAUSE, tree: debianTree(), env, command: ["sleep", "infinity"] },
    ];
    must([
      program("ctr"),
      "--address",
      address,
      "--namespace",
      "k8s.io",
      "images",
      "import",
      writeOciArchive(scope, images),
    ]);
    await inPod(async (client) => waitForImage(client, PAUSE));
  }, 600_000);

  afterAll(() => scope.close());

  function berth(...args: readonly string[]): Output {
    const env = { PATH: `${service.bin}:${process.env["PATH"]}`, HOME: scope.dir };
    return runBerth(host, args, { env, timeoutMs: 120_000 });
  }

  async function inPod<T>(use: (client: CriClient) => Promise<T>): Promise<T> {
    const client = new CriClient(address);
    try {
      return await use(client);
    } finally {
      client.close();
    }
  }

  const listGpus = async (wish: Partial<ContainerWish>) =>
    inPod(async (client) =>
      runInPod(client, scope, { image: DEBIAN, command: ["sh", "-c", "nvidia-smi -L"], ...wish }),
    );

  test("writes a file of its own and restarts containerd; pods have the runtime and the CDI devices, and what was before comes back", async () => {
    const before = treeState(join(host.dir, "etc/containerd"));
    const started = service.pid();
    const set = berth("setup", "containerd", "--cdi", "--restart");
    expect({
      status: set.status,
      warnings: set.stderr.replaceAll(/^warning: containerd before 2\.0 .*\n/gm, ""),
    }).toEqual({
      status: 0,
      warnings: "",
    });
    expect(set.stdout).toContain("containerd 1.7.24: restarted\n");
    expect(set.stdout).toEndWith("containerd 1.7.24: a container with the runtime nvidia has used CUDA on 8 GPUs\n");
    expect(service.pid()).not.toBe(started);
    expect(readFileSync(config, "utf8")).toContain("# the administrator's own");

    const byRuntime = await listGpus({ runtime: "nvidia", env: { NVIDIA_VISIBLE_DEVICES: "2,5" } });
    expect(byRuntime).toEqual({ exitCode: 0, output: listing(pick(host, 2, 5)) });
    const byCdi = await listGpus({ devices: ["nvidia.com/gpu=3"] });
    expect(byCdi).toEqual({ exitCode: 0, output: listing(pick(host, 3)) });

    const undone = berth("setup", "--undo", "--restart");
    expect({ status: undone.status, stderr: undone.stderr }).toEqual({ status: 0, stderr: "" });
    expect(treeState(join(host.dir, "etc/containerd"))).toEqual(before);
    const refusal = await listGpus({ runtime: "nvidia" }).catch((error: unknown) => String(error));
    expect(refusal).toContain('no runtime for "nvidia" is configured');
  }, 240_000);

  test("asks for a restart by its command where nobody can be asked, and says it again as long as it is due", () => {
    const started = service.pid();
    for (const news of ["wrote ", "its files say everything already"]) {
      const { status, stdout } = berth("setup", "containerd");
      expect(status).toBe(0);
      expect(stdout).toContain(`containerd 1.7.24: ${news}`);
      expect(stdout).toEndWith(
        "containerd 1.7.24: it has to be restarted before all of this counts: systemctl restart containerd.service\n",
      );
      Bun.sleepSync(1200);
    }
    expect(service.pid()).toBe(started);
  });

  test("asks at a terminal, and restarts when the answer is yes", () => {
    const started = service.pid();
    const words = `${host.bin}/berth --root ${host.dir} setup containerd --no-trial`;
    const env = { PATH: `${service.bin}:${process.env["PATH"]}`, HOME: scope.dir, NO_COLOR: "1" };
    const at = (answer: string): Output => run(["script", "-qec", words, "/dev/null"], { env, stdin: `${answer}\n` });
    expect(at("n").stdout).toContain("has to be restarted (systemctl restart containerd.service). Now? [y/N]");
    expect(service.pid()).toBe(started);
    expect(at("y").stdout).toContain("containerd 1.7.24: restarted");
    expect(service.pid()).not.toBe(started);
  });

  test("restarts nothing that no service has started, and says so", () => {
    const before = treeState(join(host.dir, "etc/containerd"));
    expect(berth("setup", "--undo").status).toBe(0);
    const started = service.pid();
    const env = { PATH: process.env["PATH"] ?? "", HOME: scope.dir };
    const { status, stderr } = runBerth(host, ["setup", "containerd", "--restart"], { env });
    expect(status).toBe(1);
    expect(stderr).toContain(
      `BERTH-G018: Cannot restart containerd: process ${started} belongs to no service of systemd`,
    );
    expect(service.pid()).toBe(started);
    expect(treeState(join(host.dir, "etc/containerd"))).toEqual(before);
    expect(berth("setup", "--undo").status).toBe(0);
  });
});
