import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { runBerth } from "./lib/berth.ts";
import { makePlainBundle, newContainerId, readSpec, type Bundle } from "./lib/bundle.ts";
import { describeWith, program } from "./lib/gate.ts";
import { must, run, type Output } from "./lib/run.ts";
import { isAlive, Scope, waitFor } from "./lib/scope.ts";
import { simHost, type SimHost } from "./lib/sim-host.ts";

interface Lease {
  readonly id: string;
  readonly state: string;
  readonly mode: string;
  readonly owner: { readonly pid: number; readonly cgroups: readonly string[] };
  readonly devices: readonly { readonly name: string }[];
}

/** A container that was created and waits for its start. */
interface Container {
  readonly id: string;
  readonly bundle: Bundle;
  readonly output: Output;
  /** What its runc was told to write its log to. */
  readonly log: string;
}

describeWith(["runc", "busybox"], "a container whose GPUs are chosen by nvidia-container-runtime", () => {
  let scope: Scope;
  let host: SimHost;
  let root: string;
  let plain: string;
  const running: string[] = [];

  beforeAll(() => {
    scope = new Scope("lease-runtime");
    host = simHost(scope, "h100x8");
    root = scope.folder("state");
    plain = readFileSync(host.configPath, "utf8");
  });
  afterAll(() => scope.close());

  afterEach(() => {
    for (const id of running.splice(0)) run([program("runc"), "--root", root, "delete", "--force", id]);
    rmSync(join(host.dir, "var/lib/berth/leases"), { recursive: true, force: true });
    rmSync(join(host.dir, "var/lib/berth-sim/nvml-state"), { force: true });
  });

  /** Keys of `[berth]`, which stands last. Where the driver is not asked a start needs no second. */
  function configure(...keys: readonly string[]): void {
    writeFileSync(host.configPath, `${plain}${keys.join("\n")}\n`);
  }

  function bundleFor(devices: string): Bundle {
    const fill = (rootfs: string): void => {
      for (const folder of ["bin", "proc", "dev", "sys"]) mkdirSync(join(rootfs, folder));
      copyFileSync(program("busybox"), join(rootfs, "bin/busybox"));
      for (const name of ["sh", "sleep"]) symlinkSync("busybox", join(rootfs, "bin", name));
    };
    return makePlainBundle(scope, fill, { args: ["sleep", "1000"], env: [`NVIDIA_VISIBLE_DEVICES=${devices}`] });
  }

  function wordsFor(id: string, bundle: Bundle, log: string): readonly string[] {
    return [host.runtime, "--root", root, "--log", log, "--log-format", "json", "create", "--bundle", bundle.dir, id];
  }

  function create(devices: string, id = newContainerId()): Container {
    const bundle = bundleFor(devices);
    const log = join(bundle.dir, "log.json");
    // A container keeps the streams that it is created with open.
    const output = run([
      "sh",
      "-c",
      '"$@" </dev/null >/dev/null 2>"$0"',
      join(bundle.dir, "err"),
      ...wordsFor(id, bundle, log),
    ]);
    if (output.status === 0) running.push(id);
    return { id, bundle, log, output: { ...output, stderr: readFileSync(join(bundle.dir, "err"), "utf8") } };
  }

  function listLeases(): readonly Lease[] {
    const ledger: { leases: Lease[] } = JSON.parse(
      must([join(host.bin, "berth"), "--root", host.dir, "lease", "ls", "--json"]),
    );
    return ledger.leases;
  }

  const names = ({ devices }: Lease): string => devices.map(({ name }) => name).join();
  const living = (): readonly string[] =>
    listLeases()
      .filter(({ state }) => state !== "DRAINING")
      .map(names);
  const pidOf = (id: string): number => JSON.parse(must([program("runc"), "--root", root, "state", id])).pid;
  const devicesOf = ({ bundle }: Container): readonly string[] => {
    const value = readSpec(bundle).process.env.find((entry) => entry.startsWith("NVIDIA_VISIBLE_DEVICES=")) ?? "";
    return value.slice(value.indexOf("=") + 1).split(",");
  };
  const logOf = ({ log }: Container): string => (existsSync(log) ? readFileSync(log, "utf8") : "");

  function kill(id: string): void {
    const pid = pidOf(id);
    process.kill(pid, "SIGKILL");
    waitFor(
      () => (isAlive(pid) ? undefined : true),
      10_000,
      () => `process ${pid} lives`,
    );
  }

  test("two that wish for two of eight get four, keep them as long as their init lives, and are told which", () => {
    configure("lease-unchecked = true");
    const [first, second] = [create("any:2"), create("any:2")];
    expect([first.output.stderr, second.output.stderr]).toEqual(["", ""]);
    const given = [...devicesOf(first), ...devicesOf(second)];
    expect(new Set(given).size).toBe(4);
    expect(given.every((uuid) => host.gpus.some((gpu) => gpu.uuid === uuid))).toBe(true);
    const leases = listLeases();
    expect(leases.map(({ state, mode }) => [state, mode])).toEqual([
      ["BOUND", "own"],
      ["BOUND", "own"],
    ]);
    expect(new Set(leases.map(({ owner }) => owner.pid))).toEqual(new Set([pidOf(first.id), pidOf(second.id)]));
    expect(leases.every(({ owner }) => owner.cgroups.some((folder) => existsSync(join(folder, "cgroup.procs"))))).toBe(
      true,
    );
    expect(leases.map(({ id }) => id)).toContain(readSpec(first.bundle).annotations?.["berth.lease"] ?? "");
    kill(first.id);
    expect(living()).toHaveLength(1);
    kill(second.id);
    expect(living()).toEqual([]);
  });

  test("one whose berth is killed before there is a container leaves nothing behind", async () => {
    const hanging = join(scope.dir, "hanging-runtime");
    const reached = join(scope.dir, "reached");
    writeFileSync(hanging, `#!/bin/sh\necho $$ >${reached}\nexec sleep 1000\n`);
    chmodSync(hanging, 0o755);
    writeFileSync(host.configPath, `${plain.replace('"runc"', `"${hanging}"`)}lease-unchecked = true\n`);
    const bundle = bundleFor("any:2");
    const child = Bun.spawn([...wordsFor(newContainerId(), bundle, join(bundle.dir, "log"))], { stdin: "ignore" });
    const pid = waitFor(
      () => (existsSync(reached) ? readFileSync(reached, "utf8").trim() || undefined : undefined),
      20_000,
      () => "not started",
    );
    // The process that took the lease became the low-level runtime.
    expect(Number(pid)).toBe(child.pid);
    expect(listLeases().map(({ state, owner }) => [state, owner.pid])).toEqual([["RESERVED", child.pid]]);
    child.kill("SIGKILL");
    await child.exited;
    expect(living()).toEqual([]);
  });

  test("one that starts again under its id gets the GPUs that it had, though others are free", () => {
    configure("lease-unchecked = true");
    const other = create("any:1");
    const first = create("any:1");
    const had = devicesOf(first);
    for (const { id } of [other, first]) kill(id);
    must([program("runc"), "--root", root, "delete", "--force", first.id]);
    const again = create("any:1", first.id);
    expect(again.output.stderr).toBe("");
    expect(devicesOf(again)).toEqual(had);
  });

  test("a refusal says who has the GPUs, in the log of runc too, and nothing is started or changed", () => {
    configure("lease-unchecked = true");
    create("any:7");
    const refused = create("any:2");
    expect(refused.output).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(
        /^nvidia-container-runtime: BERTH-A002: Cannot give "any:2": 1 free \(GPU 0: lease /,
      ),
    });
    expect(logOf(refused)).toContain("BERTH-A002");
    expect(devicesOf(refused)).toEqual(["any:2"]);
    expect(create("any:9").output.stderr).toContain("BERTH-A003");
    expect(living()).toHaveLength(1);
  });

  test("who can do without a GPU starts without one where none is free, and the log says why", () => {
    configure("lease-unchecked = true");
    create("any:8");
    const [asked, wordy] = [create("optional"), create("any:2,optional")];
    for (const container of [asked, wordy]) {
      expect(container.output).toMatchObject({ status: 0, stderr: "" });
      expect(devicesOf(container)).toEqual(["void"]);
      expect(readSpec(container.bundle).linux.devices ?? []).toEqual([]);
      expect(logOf(container)).toMatch(/goes without a GPU, as it may: .*none is free/);
    }
  });

  test("a GPU that the driver says is used is not chosen, and where the driver says nothing none is", () => {
    configure();
    mkdirSync(join(host.dir, "var/lib/berth-sim"), { recursive: true });
    const busy = [0, 1, 2, 3, 5].map((gpu) => `${gpu} process 4242 800\n${gpu} memory-used-mib 800\n`);
    writeFileSync(join(host.dir, "var/lib/berth-sim/nvml-state"), busy.join(""));
    const container = create("any:2");
    expect(container.output.stderr).toBe("");
    const chosen = devicesOf(container).map((uuid) => host.gpus.findIndex((gpu) => gpu.uuid === uuid));
    expect(chosen).toHaveLength(2);
    expect(chosen.every((gpu) => [4, 6, 7].includes(gpu))).toBe(true);
    expect(create("any:2").output.stderr).toMatch(/BERTH-A002.*in use without a lease/);
  });

  test("GPUs that are named cost no record where nobody wishes, and are held against the leases of others where somebody does", () => {
    configure("lease-unchecked = true");
    const early = create("0");
    expect(early.output.stderr).toBe("");
    expect(existsSync(join(host.dir, "var/lib/berth/leases"))).toBe(false);
    const own = create("any:1");
    const [uuid = ""] = devicesOf(own);
    const index = host.gpus.findIndex((gpu) => gpu.uuid === uuid);
    const warned = create(`${index}`);
    expect(warned.output).toMatchObject({ status: 0, stderr: "" });
    expect(logOf(warned)).toMatch(new RegExp(`"level":"warning","msg":"GPU ${index} is somebody's`));
    configure("lease-unchecked = true", 'lease-policy = "deny"');
    const denied = create(`${index}`);
    expect(denied.output).toMatchObject({ status: 1, stderr: expect.stringContaining("BERTH-A013") });
    configure("lease-unchecked = true", 'lease-policy = "allow"');
    const allowed = create(`${index}`);
    expect([allowed.output.status, logOf(allowed)]).toEqual([0, ""]);
    expect(listLeases().filter(({ mode }) => mode === "shared")).toHaveLength(2);
  });

  test("an exclusive lease keeps those who name its GPUs away, unless the policy lets them; it is refused where somebody is there", () => {
    configure("lease-unchecked = true");
    expect(create("any:1,exclusive").output.stderr).toBe("");
    expect(create("7,exclusive").output.stderr).toBe("");
    const [index = ""] = living();
    for (const each of [index, "7"]) expect(create(each).output.stderr).toContain("BERTH-A013");
    const refused = create("7,exclusive");
    expect(refused.output.stderr).toContain("BERTH-A013");
    configure("lease-unchecked = true", 'lease-policy = "warn"');
    const warned = create(index);
    expect([warned.output.status, logOf(warned)]).toEqual([0, expect.stringContaining("is somebody's")]);
    // No wish gets what somebody names, either.
    expect(create("6,shared").output.stderr).toBe("");
    expect(create("any:6").output.stderr).toContain("BERTH-A002");
  });

  test("a damaged store refuses wishes, and who names GPUs starts with a warning", () => {
    configure("lease-unchecked = true");
    const folder = join(host.dir, "var/lib/berth/leases");
    mkdirSync(folder, { recursive: true });
    chmodSync(folder, 0o700);
    writeFileSync(join(folder, "leases.db"), "x".repeat(8192), { mode: 0o600 });
    expect(create("any:1").output.stderr).toContain("BERTH-A005");
    expect(create("0,exclusive").output.stderr).toContain("BERTH-A005");
    for (const devices of ["0", "all"]) {
      const container = create(devices);
      expect([container.output.status, logOf(container)]).toEqual([0, expect.stringContaining("damaged")]);
    }
    // Without a GPU goes who cannot have one, and not who meets something broken.
    expect(create("optional").output.stderr).toContain("BERTH-A005");
  });

  test("is shown by inspect before it is started: what would be chosen, and nothing is taken", () => {
    configure("lease-unchecked = true");
    const bundle = bundleFor("any:2");
    const shown = runBerth(host, ["inspect", "--bundle", bundle.dir]);
    expect(shown.stdout).toContain("any:2");
    expect(existsSync(join(host.dir, "var/lib/berth/leases"))).toBe(false);
    create("any:2");
    expect(runBerth(host, ["inspect", "--bundle", bundle.dir]).stdout).toMatch(/GPU 2 .*: given/);
    expect(listLeases()).toHaveLength(1);
  });
});
