import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { GOLDEN, goldenCases, readTree, type GoldenCase, type Tree } from "../src/engines/golden.test-helper.ts";
import { startContainerdOn, startDocker } from "./lib/daemon.ts";
import { describeWith, dist, program } from "./lib/gate.ts";
import { must, run } from "./lib/run.ts";
import { Scope, waitFor } from "./lib/scope.ts";

/*
 * The golden configurations of src/engines, read by the engines themselves.
 */
const MAIN = "etc/containerd/config.toml";
const scope = new Scope("engine-config");
afterAll(() => scope.close());

function casesOf(engine: string): (readonly [string, GoldenCase])[] {
  return goldenCases().flatMap((golden) => (golden.engine === engine ? [[golden.name, golden] as const] : []));
}

/** The files of a case in a folder, which stands in their imports too. The plugin is on: what is off is not in a dump. */
function putTree(folder: string, tree: Tree): string {
  for (const [path, text] of tree) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    const moved = text.replaceAll('"/etc/containerd/', `"${folder}/etc/containerd/`);
    writeFileSync(join(folder, path), moved.replace('disabled_plugins = ["cri"]', "disabled_plugins = []"));
  }
  return join(folder, MAIN);
}

type Dump = ReadonlyMap<string, unknown>;

/** Each value that containerd says it has, but for those that are the same as none. */
function dumpOf(folder: string, tree: Tree): Dump {
  const main = putTree(folder, tree);
  const words = existsSync(main) ? ["--config", main, "config", "dump"] : ["config", "default"];
  const leaves = new Map<string, unknown>();
  const walk = (value: unknown, path: string): void => {
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      for (const [key, inner] of Object.entries(value)) walk(inner, `${path}/${key}`);
    } else if (!["", "0", "false", "podsandbox"].includes(String(value))) leaves.set(path, value);
  };
  walk(Bun.TOML.parse(must([program("containerd"), ...words]).replaceAll(folder, "/HOST")), "");
  leaves.delete("/imports");
  return leaves;
}

const dumps = new Map<string, Dump>();

/** Several cases begin with the same files. */
function dumpBefore(tree: Tree): Dump {
  const key = JSON.stringify([...tree]);
  const dump = dumps.get(key) ?? dumpOf(scope.folder("before"), tree);
  dumps.set(key, dump);
  return dump;
}

const CRI = "/plugins/io.containerd.grpc.v1.cri";

describeWith(["containerd"], "containerd and its golden configurations", () => {
  const isOld = ([, { facts }]: readonly [string, GoldenCase]): boolean => !facts.release?.startsWith("2.");
  test.each(casesOf("containerd").filter(isOld))("%s: it has what is wished, and all that it had", (_name, golden) => {
    const before = dumpBefore(golden.before);
    const after = dumpOf(scope.folder("after"), readTree(join(golden.folder, "after")));
    const { runtime, cdi } = golden.wish;
    const wished = new Map<string, unknown>();
    if (runtime !== undefined) {
      const at = `${CRI}/containerd/runtimes/${runtime.name}/options`;
      wished.set(golden.name === "v1-old-shim" ? `${at}/Runtime` : `${at}/BinaryName`, runtime.path);
      if (runtime.isDefault) wished.set(`${CRI}/containerd/default_runtime_name`, runtime.name);
    }
    if (cdi) wished.set(`${CRI}/enable_cdi`, true);
    const all = new Map([...before, ...wished]);
    expect(Object.fromEntries([...all.keys()].map((path) => [path, after.get(path)]))).toEqual(Object.fromEntries(all));
  });

  // One that names a runtime and no runc does not: the plugin's built-in one is gone then.
  test.each(["debian", "v1"])("%s: its plugin for Kubernetes loads", (name) => {
    const after = readTree(join(GOLDEN, "containerd", name, "after"));
    const containerd = startContainerdOn(scope, putTree(scope.folder("host"), after));
    expect(containerd.run("plugins", "ls").stdout).toMatch(/^io\.containerd\.grpc\.v1 +cri +\S+ +ok *$/m);
  });
});

describeWith(["dockerd"], "dockerd and its golden configurations", () => {
  test.each(casesOf("docker"))("%s is valid", (_name, { folder }) => {
    const file = join(folder, "after/etc/docker/daemon.json");
    expect(run([program("dockerd"), "--validate", `--config-file=${file}`])).toMatchObject({ status: 0 });
  });
});

describeWith(["docker", "dockerd"], "nvidia-ctk runtime configure and a running dockerd", () => {
  // CDI of Docker 26 is off until it is started anew: docs/ctk-runtime.md says so.
  test("a reload is enough for the runtime and the default, and not for CDI", () => {
    const docker = startDocker(scope, { runtime: program("runc") });
    const config = join(dirname(docker.host.slice("unix://".length)), "daemon.json");
    const info = (): string =>
      docker.must("info", "--format", '{{(index .Runtimes "gpu").Path}} {{.DefaultRuntime}} {{len .CDISpecDirs}}');
    expect(info()).toBe(" runc 0");
    const words = ["--nvidia-runtime-name=gpu", `--nvidia-runtime-path=${program("runc")}`, "--set-as-default"];
    must([join(dist, "bin/nvidia-ctk"), "runtime", "configure", `--config=${config}`, ...words, "--cdi.enabled"]);
    process.kill(docker.pid, "SIGHUP");
    const changed = `${program("runc")} gpu 0`;
    expect(waitFor(() => (info() === changed ? changed : undefined), 20_000, info)).toBe(changed);
  });
});
