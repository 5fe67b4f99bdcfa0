import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { debianTree } from "./images/debian.ts";
import { makeBundle, readSpec, runContainer, type Bundle, type Spec } from "./lib/bundle.ts";
import { describeWith, program } from "./lib/gate.ts";
import { must, type Output } from "./lib/run.ts";
import { Scope } from "./lib/scope.ts";
import { listing, pick, simHost, type SimHost } from "./lib/sim-host.ts";

describeWith(["runc", "debootstrap"], "a container of the runtime that asks by qualified CDI names", () => {
  let scope: Scope;
  let host: SimHost;

  beforeAll(() => {
    scope = new Scope("cdi-runtime");
    host = simHost(scope, "h100x8");
    writeFileSync(join(host.dir, "answer"), "42\n");
  }, 600_000);

  afterAll(() => scope.close());

  /** Puts a CDI file into the host's /etc/cdi, and gives its path. */
  function addFile(name: string, content: string | object): string {
    const file = join(host.dir, "etc/cdi", name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content));
    return file;
  }

  const thing = {
    cdiVersion: "0.6.0",
    kind: "acme.example/thing",
    devices: [{ name: "1", containerEdits: { env: ["THING=one"] } }],
    containerEdits: { mounts: [{ hostPath: "", containerPath: "/answer", options: ["ro", "bind"] }] },
  };

  function addThing(hostPath = join(host.dir, "answer")): string {
    return addFile("thing.json", {
      ...thing,
      containerEdits: { mounts: [{ ...thing.containerEdits.mounts[0], hostPath }] },
    });
  }

  function start(
    asked: string,
    script: string,
    more: { annotations?: Record<string, string>; runtime?: string } = {},
  ): { output: Output; bundle: Bundle } {
    const env = asked === "" ? [] : [`NVIDIA_VISIBLE_DEVICES=${asked}`];
    const edit = (spec: Spec): void => void (spec.annotations = more.annotations ?? {});
    const bundle = makeBundle(scope, debianTree(), { args: ["sh", "-c", script], env, edit });
    return {
      output: runContainer({ argv: [more.runtime ?? host.runtime], lowLevel: program("runc") }, bundle),
      bundle,
    };
  }

  test("gets another vendor's device from a file, alone and beside GPUs, by variable and by annotation", () => {
    addThing();
    const all = 'cat /answer; echo "$THING"; ls /dev | grep -c "^nvidia[0-9]" || true';
    expect(start("acme.example/thing=1", all).output).toEqual({ status: 0, stdout: "42\none\n0\n", stderr: "" });
    expect(start("3,acme.example/thing=1", `${all}; nvidia-smi -L`).output.stdout).toBe(
      `42\none\n1\n${listing(pick(host, 3))}`,
    );
    const annotations = { "cdi.k8s.io/plugin_x": "acme.example/thing=1,nvidia.com/gpu=5" };
    expect(start("", `${all}; nvidia-smi -L`, { annotations }).output.stdout).toBe(
      `42\none\n1\n${listing(pick(host, 5))}`,
    );
  });

  test("is told which name no file has, what was meant, and which file is broken; other files keep working", () => {
    addThing();
    const broken = addFile("broken.yaml", "cdiVersion: 0.5.0\nkind: acme.example/other\ndevices: [\n");
    const wrong = addFile("wrong.json", {
      ...thing,
      kind: "acme.example/wrong",
      devices: [{ name: "1", containerEdits: { evn: ["A=b"] } }],
    });
    const { output, bundle } = start("acme.example/thing=2", "true");
    expect(output.status).not.toBe(0);
    expect(output.stderr).toContain(
      'BERTH-R004: Cannot find the CDI device "acme.example/thing=2" (did you mean "acme.example/thing=1"?)',
    );
    expect(output.stderr).toContain(`"${broken}":`);
    expect(output.stderr).toContain(`"${wrong}":1:`);
    expect(output.stderr).toContain('did you mean "env"?');
    expect(readSpec(bundle).process.env).toContain("NVIDIA_VISIBLE_DEVICES=acme.example/thing=2");
    expect(start("acme.example/thing=1", "cat /answer").output.stdout).toBe("42\n");
    for (const file of [broken, wrong]) rmSync(file);
    expect(start("nvidia.com/gpus=0", "true").output.stderr).toContain('did you mean "nvidia.com/gpu=0"?');
  });

  test("is told the file and the line of something that has vanished", () => {
    const file = addThing(join(host.dir, "gone"));
    const { output } = start("acme.example/thing=1", "true");
    expect(output.stderr).toContain(
      `BERTH-D002: Cannot give the CDI device "acme.example/thing=1": "${file}":1 names "${host.dir}/gone", and it no longer exists`,
    );
    addThing();
  });

  test("gets a GPU without any file, and what somebody else's file says of that name where there is one", () => {
    for (const name of ["nvidia.com/gpu=2", "runtime.nvidia.com/gpu=2"]) {
      expect(start(name, "nvidia-smi -L").output).toEqual({ status: 0, stdout: listing(pick(host, 2)), stderr: "" });
    }
    const other = addFile("gpu.json", {
      ...thing,
      kind: "nvidia.com/gpu",
      devices: [{ name: "2", containerEdits: { env: ["FROM=file"] } }],
      containerEdits: {},
    });
    expect(start("nvidia.com/gpu=2", 'echo "$FROM"; ls /dev').output.stdout).toStartWith("file\n");
    expect(start("nvidia.com/gpu=2", "ls /dev").output.stdout).not.toContain("nvidia");
    expect(start("runtime.nvidia.com/gpu=2", "nvidia-smi -L").output.stdout).toBe(listing(pick(host, 2)));
    rmSync(other);
  });

  test("of berth's own file a GPU comes without the hook, and all with it; both list the same", () => {
    const file = join(host.dir, "var/run/cdi/nvidia.yaml");
    must([join(host.bin, "berth"), "cdi", "generate", "--output", file]);
    const one = start("nvidia.com/gpu=4", "nvidia-smi -L");
    expect(one.output.stdout).toBe(listing(pick(host, 4)));
    expect(JSON.stringify(readSpec(one.bundle))).not.toContain("update-container");
    const all = start("nvidia.com/gpu=all", "nvidia-smi -L; ldconfig -p | grep -c libcuda.so.1");
    expect(all.output.stdout).toBe(`${listing(host.gpus)}1\n`);
    expect(JSON.stringify(readSpec(all.bundle))).toContain("update-container");
    rmSync(file);
  });

  test("in the mode cdi has names without a kind from the files of the default kind", () => {
    const file = join(host.dir, "var/run/cdi/nvidia.json");
    must([join(host.bin, "berth"), "cdi", "generate", "--output", file, "--device-id", "1,6"]);
    const runtime = `${host.runtime}.cdi`;
    expect(start("6", "nvidia-smi -L", { runtime }).output.stdout).toBe(listing(pick(host, 6)));
    const { output } = start("0", "nvidia-smi -L", { runtime });
    expect(output.stderr).toContain('Cannot find the CDI device "nvidia.com/gpu=0"');
    rmSync(file);
  });

  test("does not get every node of the driver by its own wish, though a file has them", () => {
    const file = join(host.dir, "var/run/cdi/management.json");
    must([join(host.bin, "berth"), "cdi", "generate", "--output", file, "--mode", "management"]);
    const { output } = start("management.nvidia.com/gpu=all", "true");
    expect(output).toMatchObject({ status: 1, stderr: expect.stringContaining("BERTH-R008") });
    rmSync(file);
  });
});
