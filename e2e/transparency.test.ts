import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { debianTree } from "./images/debian.ts";
import { addProgram, makeBundle, newContainerId, runContainer, type Bundle, type Runtime } from "./lib/bundle.ts";
import { probeProgram } from "./lib/compile.ts";
import { describeWith, dist, program } from "./lib/gate.ts";
import { parseProbe, type Probe } from "./lib/probe.ts";
import { must, run } from "./lib/run.ts";
import { Scope } from "./lib/scope.ts";
import { simHost, type SimHost } from "./lib/sim-host.ts";
import { useLowLevel } from "./lib/stand-in.ts";

/** What an engine could have set, all of it unusual: a runtime hands it on, or resets it, by its own rules. */
const UNUSUAL = `ulimit -Sn 512; ulimit -Hn 1000; umask 027; echo 300 >/proc/self/oom_score_adj; trap "" USR1 PIPE
if [ -n "$LISTEN_FDS" ]; then export LISTEN_PID=$$; fi
exec 3</etc/passwd 4</etc/group 5</etc/hosts 6</dev/null
exec nice -n 3 taskset -c 0 env --block-signal=USR2,HUP "$@"`;
const unusual = ["bash", "-c", UNUSUAL, "bash"];

describeWith(["runc", "gcc", "debootstrap", "strace"], "nvidia-container-runtime in front of runc", () => {
  let scope: Scope;
  let host: SimHost;
  let shim: Runtime;
  let runc: Runtime;

  beforeAll(() => {
    scope = new Scope("transparency");
    host = simHost(scope, "h100x8");
    shim = { argv: [host.runtime], lowLevel: program("runc") };
    runc = { argv: [program("runc")], lowLevel: program("runc") };
    debianTree();
  }, 600_000);

  afterAll(() => scope.close());

  function bundleOf(args: readonly string[], env: readonly string[]): Bundle {
    const bundle = makeBundle(scope, debianTree(), { args, env });
    addProgram(bundle, probeProgram());
    return bundle;
  }

  function probeIn(
    runtime: Runtime,
    devices: string,
    preserved = 0,
    variables: Readonly<Record<string, string>> = {},
  ): Probe {
    const bundle = bundleOf(["/probe", "an argument"], [`NVIDIA_VISIBLE_DEVICES=${devices}`, "NAME=ä=1", "EMPTY="]);
    const args = preserved === 0 ? [] : ["--preserve-fds", String(preserved)];
    const env = { PATH: process.env["PATH"] ?? "", ...variables };
    const output = runContainer(runtime, bundle, { args, prefix: unusual, env });
    expect(output).toMatchObject({ status: 0, stderr: "" });
    return parseProbe(output.stdout);
  }

  for (const devices of ["void", "0,1"]) {
    for (const preserved of [0, 1, 2, 3, 4]) {
      test(`a container with NVIDIA_VISIBLE_DEVICES=${devices} and --preserve-fds ${preserved} sees the same process state`, () => {
        const direct = probeIn(runc, devices, preserved);
        const shimmed = probeIn(shim, devices, preserved);
        const isGpu = devices !== "void";
        expect({ ...shimmed, env: isGpu ? withoutOurs(shimmed.env) : shimmed.env }).toEqual({
          ...direct,
          env: isGpu ? withoutOurs(direct.env) : direct.env,
        });
        expect(direct.descriptors.length).toBe(3 + preserved);
      });
    }
  }

  test("descriptors that systemd passes on (LISTEN_FDS) arrive", () => {
    const direct = probeIn(runc, "0", 0, { LISTEN_FDS: "2" });
    const shimmed = probeIn(shim, "0", 0, { LISTEN_FDS: "2" });
    expect(shimmed.descriptors).toEqual(direct.descriptors);
    expect(direct.descriptors.length).toBe(5);
  });

  describe("whose low-level runtime is the probe itself", () => {
    let probed: SimHost;

    beforeAll(() => {
      probed = simHost(scope, "rtx4090x2");
      useLowLevel(probed, probeProgram());
    });

    for (const [verb, devices] of [
      ["create", "0"],
      ["create", "void"],
      ["state", "0"],
      ["start", "0"],
    ] as const) {
      test(`hands on signals, limits, descriptors, environment and argument bytes: ${verb}, NVIDIA_VISIBLE_DEVICES=${devices}`, () => {
        const { dir } = bundleOf(["/bin/true"], [`NVIDIA_VISIBLE_DEVICES=${devices}`]);
        // Bytes that are no UTF-8 in a variable and in an argument, a name twice, a variable that Bun obeys, one without "=".
        const call = `ODD=$'\\xff\\xfe' BUN_OPTIONS="--smol" LD_BIND_NOW=1 exec "$@" ${verb} --bundle "${dir}" $'odd-\\xff'`;
        const through = (runtime: string): Probe => parseProbe(must([...unusual, "bash", "-c", call, "bash", runtime]));
        expect(through(probed.runtime)).toEqual(through(probeProgram()));
      });
    }
  });

  test("a spec without a GPU request stays byte for byte as it was, and is not written anew", () => {
    const bundle = bundleOf(["/bin/true"], []);
    const spec = readFileSync(bundle.configPath, "utf8");
    const odd = spec.replace("{", '{\n\t"unknown" : [1.0, 1e2, -0, 18446744073709551615, "\\u00e4\\/<>"],');
    writeFileSync(bundle.configPath, odd);
    const before = statSync(bundle.configPath, { bigint: true });
    expect(runContainer(shim, bundle)).toEqual({ status: 0, stdout: "", stderr: "" });
    expect(readFileSync(bundle.configPath, "utf8")).toBe(odd);
    const after = statSync(bundle.configPath, { bigint: true });
    expect([after.ino, after.mtimeNs]).toEqual([before.ino, before.mtimeNs]);
  });

  test("a spec with a GPU request keeps large numbers, their spelling, and fields that berth does not know", () => {
    const bundle = bundleOf(["/bin/true"], ["NVIDIA_VISIBLE_DEVICES=0"]);
    const marks = [
      '"limit":9223372036854775807',
      '"soft":18446744073709551615',
      '"unknown":{"__proto__":{"a":1},"constructor":null,"z":1e2,"a":1.50,"ü":"\\u0001"}',
    ];
    const [limit = "", soft = "", unknown = ""] = marks;
    const spec = readFileSync(bundle.configPath, "utf8")
      .replace('"rlimits": []', `"rlimits":[{"type":"RLIMIT_MEMLOCK",${soft},"hard":18446744073709551615}]`)
      .replace('"resources": {', `"resources":{"memory":{${limit}},`)
      .replace("{", `{${unknown},`);
    writeFileSync(bundle.configPath, spec);
    run([host.runtime, "--root", join(bundle.dir, "state"), "run", "--bundle", bundle.dir, newContainerId()]);
    const after = readFileSync(bundle.configPath, "utf8");
    expect(after).toContain("/dev/nvidia0");
    const compact = after.replace(/\s*\n\s*/g, "").replaceAll('": ', '":');
    for (const mark of marks) expect(compact).toContain(mark);
  });

  test("start, state, kill and delete never start berth", () => {
    const bundle = bundleOf(["sleep", "60"], ["NVIDIA_VISIBLE_DEVICES=0"]);
    const id = newContainerId();
    const words = ["--root", join(bundle.dir, "state")];
    // The container's program holds the standard output open.
    must(["sh", "-c", '"$@" >/dev/null 2>&1', "sh", host.runtime, ...words, "create", "--bundle", bundle.dir, id]);
    const trace = join(bundle.dir, "trace");
    /** The programs that a call of the runtime becomes, and what it prints. */
    const call = (...rest: readonly string[]): { programs: string; output: string } => {
      const strace = [program("strace"), "-f", "--seccomp-bpf", "-qq", "-e", "trace=execve", "-o", trace];
      const output = must([...strace, host.runtime, ...words, ...rest]);
      return { programs: readFileSync(trace, "utf8"), output };
    };
    const berth = join(dist, "berth");
    expect(call("start", id).programs).not.toContain(berth);
    const state = call("state", id);
    expect(state.output).toContain('"status": "running"');
    for (const { programs } of [state, call("kill", id, "KILL"), call("delete", "--force", id)]) {
      expect(programs).toContain(program("runc"));
      expect(programs).not.toContain(berth);
    }
    // The other way round it would have shown.
    expect(call("--version").programs).toContain(berth);
  });
});

/** Without the variables that a GPU container gets (as hexadecimal). */
function withoutOurs(env: readonly string[]): string[] {
  const prefix = Buffer.from("NVIDIA_").toString("hex");
  return env.filter((each) => !each.startsWith(prefix));
}
