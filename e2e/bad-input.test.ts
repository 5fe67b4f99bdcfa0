import { afterAll, beforeAll, expect, test } from "bun:test";
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { makeDistroless } from "./images/copied.ts";
import { debianTree } from "./images/debian.ts";
import { makePlainBundle, writeSpec, type Bundle } from "./lib/bundle.ts";
import { describeWith } from "./lib/gate.ts";
import { must, run, type Output } from "./lib/run.ts";
import { Scope } from "./lib/scope.ts";
import { simHost, type SimHost } from "./lib/sim-host.ts";
import { makeStandIn, useLowLevel, type StandIn } from "./lib/stand-in.ts";
import { treeState } from "./lib/tree-state.ts";

describeWith(["debootstrap"], "a container that cannot be given its GPUs", () => {
  let scope: Scope;
  let host: SimHost;
  let lowLevel: StandIn;

  beforeAll(() => {
    scope = new Scope("bad-input");
    lowLevel = makeStandIn(scope, "runc");
    host = newHost("h100x8");
    debianTree();
  }, 600_000);

  afterAll(() => scope.close());

  /** A host that a test may spoil. */
  function newHost(profile: string): SimHost {
    const made = simHost(scope, profile, mkdtempSync(join(scope.dir, "at-")));
    useLowLevel(made, lowLevel.path);
    return made;
  }

  function bundleOf(devices: string): Bundle {
    return makePlainBundle(scope, makeDistroless, { args: ["/bin/true"], env: [`NVIDIA_VISIBLE_DEVICES=${devices}`] });
  }

  function create(bundle: Bundle, on = host): Output {
    return run([on.runtime, "create", "--bundle", bundle.dir, "c1"]);
  }

  /** One line with the code and a remedy, status 1, nothing changed, and the low-level runtime not started. */
  function expectRefusal(bundle: Bundle, code: string, about: RegExp, on = host): void {
    const before = treeState(bundle.dir);
    const { status, stdout, stderr } = create(bundle, on);
    expect({ status, stdout, lines: stderr.split("\n").length - 1 }).toEqual({ status: 1, stdout: "", lines: 1 });
    expect(stderr).toStartWith(`nvidia-container-runtime: ${code}: `);
    expect(stderr).toMatch(about);
    expect(stderr).toMatch(/; remedy: \S/);
    expect(treeState(bundle.dir)).toEqual(before);
    expect(lowLevel.takeCall()).toBeUndefined();
  }

  test("starts the low-level runtime when nothing is wrong", () => {
    const bundle = bundleOf("0");
    expect(create(bundle)).toEqual({ status: 0, stdout: "", stderr: "" });
    expect(lowLevel.takeCall()).toBe(`create --bundle ${bundle.dir} c1`);
  });

  test("because config.json is missing", () => {
    const bundle = bundleOf("0");
    rmSync(bundle.configPath);
    expectRefusal(bundle, "BERTH-S001", /config\.json/);
  });

  test("because config.json is a folder", () => {
    const bundle = bundleOf("0");
    rmSync(bundle.configPath);
    mkdirSync(bundle.configPath);
    expectRefusal(bundle, "BERTH-S001", /config\.json/);
  });

  for (const [what, code, text] of [
    ["is empty", "BERTH-S002", ""],
    ["is cut off", "BERTH-S002", '{"process": {"env": ["NVIDIA_VISIBLE_DEVICES=0"]'],
    ["begins with a byte order mark", "BERTH-S002", "\ufeff{}"],
    ["holds a key twice", "BERTH-S003", '{"process": {}, "process": {"env": ["NVIDIA_VISIBLE_DEVICES=0"]}}'],
    [
      "holds two keys that differ in case only",
      "BERTH-S003",
      '{"process": {"env": ["NVIDIA_VISIBLE_DEVICES=0"]}, "Process": {}}',
    ],
    ["is nested too deeply", "BERTH-S004", `{"NVIDIA_VISIBLE_DEVICES": ${"[".repeat(1000)}${"]".repeat(1000)}}`],
    ["is too large", "BERTH-S004", `{"a": "${"x".repeat(5 * 1024 * 1024)}"}`],
    ["is a list", "BERTH-S005", "[]"],
    ["has a number as its environment", "BERTH-S005", '{"process": {"env": 1, "args": ["NVIDIA_VISIBLE_DEVICES=0"]}}'],
  ] as const) {
    test(`because config.json ${what}`, () => {
      const bundle = bundleOf("0");
      writeFileSync(bundle.configPath, text);
      expectRefusal(bundle, code, /config\.json/);
    });
  }

  test("because config.json holds bytes that are no UTF-8", () => {
    const bundle = bundleOf("0");
    writeFileSync(bundle.configPath, Buffer.concat([readFileSync(bundle.configPath), Buffer.from([0x20, 0xff])]));
    expectRefusal(bundle, "BERTH-S002", /config\.json/);
  });

  for (const [id, code] of [
    ["8", "BERTH-R001"],
    ["0,8", "BERTH-R001"],
    ["GPU-00000000-0000-0000-0000-000000000000", "BERTH-R001"],
    ["GPU-11dc41bz", "BERTH-R002"],
    ["GPU-ffffffff", "BERTH-R001"],
    ["-1", "BERTH-R002"],
    ["+1", "BERTH-R002"],
    ["0x1", "BERTH-R002"],
    ["1e0", "BERTH-R002"],
    ["1.0", "BERTH-R002"],
    ["٣", "BERTH-R002"],
    ["1 2", "BERTH-R002"],
    ["4294967296", "BERTH-R002"],
    ["9007199254740993", "BERTH-R002"],
    ["../0", "BERTH-R002"],
    ["nvidia0", "BERTH-R002"],
    ["0\n1", "BERTH-R002"],
    ["\u001b[2J", "BERTH-R002"],
  ] as const) {
    test(`because it asks for the device ${JSON.stringify(id)}`, () => {
      expectRefusal(bundleOf(id), code, /"berth host"|index/);
    });
  }

  test("because the driver is not loaded", () => {
    expectRefusal(bundleOf("all"), "BERTH-D001", /driver/, newHost("none"));
  });

  test("because a library of the driver vanished after an earlier start", () => {
    const spoilt = newHost("h100x8");
    create(bundleOf("0"), spoilt);
    expect(lowLevel.takeCall()).toBeDefined();
    rmSync(join(spoilt.dir, `usr/lib/x86_64-linux-gnu/libcuda.so.${spoilt.driver}`));
    expectRefusal(bundleOf("0"), "BERTH-D002", /libcuda\.so/, spoilt);
  });

  test("because a device node is no device, or another one", () => {
    const spoilt = newHost("h100x8");
    create(bundleOf("0"), spoilt);
    expect(lowLevel.takeCall()).toBeDefined();
    const node = join(spoilt.dir, "dev/nvidia0");
    renameSync(node, `${node}.away`);
    expectRefusal(bundleOf("0"), "BERTH-D003", /nvidia0/, spoilt);
    writeFileSync(node, "");
    expectRefusal(bundleOf("0"), "BERTH-D003", /nvidia0/, spoilt);
    rmSync(node);
    symlinkSync("/dev/zero", node);
    expectRefusal(bundleOf("0"), "BERTH-D003", /nvidia0/, spoilt);
    rmSync(node);
    must(["mknod", node, "c", "1", "5"]);
    expectRefusal(bundleOf("0"), "BERTH-D003", /nvidia0/, spoilt);
  });

  /** A small file system without free space. */
  function fullDisk(at: string): void {
    must(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", at]);
    scope.defer(() => run(["umount", at]));
  }

  function fill(folder: string): void {
    // dd fails when the disk is full, which is the point.
    run(["dd", "if=/dev/zero", `of=${join(folder, "filler")}`, "bs=4k"]);
  }

  test("because there is no space for config.json", () => {
    const { rootfs, layer } = bundleOf("0");
    const dir = scope.folder("full");
    fullDisk(dir);
    const options = {
      args: ["/bin/true"],
      env: ["NVIDIA_VISIBLE_DEVICES=0"],
      edit: (spec: { root: { path: string } }) => void (spec.root.path = rootfs),
    };
    const bundle = writeSpec({ dir, rootfs, layer, configPath: join(dir, "config.json") }, options);
    fill(dir);
    const before = treeState(rootfs);
    expectRefusal(bundle, "BERTH-P003", /ENOSPC|no space/i);
    expect(treeState(rootfs)).toEqual(before);
  });

  test("because there is no space in its root file system", () => {
    const bundle = bundleOf("0");
    const full = scope.folder("full-rootfs");
    fullDisk(full);
    for (const folder of ["usr", "etc", "proc", "dev"]) mkdirSync(join(full, folder));
    fill(full);
    writeSpec(bundle, {
      args: ["/bin/true"],
      env: ["NVIDIA_VISIBLE_DEVICES=0"],
      edit: (spec) => void (spec.root.path = full),
    });
    const before = treeState(full);
    expectRefusal(bundle, "BERTH-P001", /ENOSPC|no space/i);
    expect(treeState(full)).toEqual(before);
  });

  test("says so in the --log file too, in runc's format", () => {
    const bundle = bundleOf("99");
    const log = join(scope.folder("log"), "log.json");
    run([host.runtime, "--log", log, "--log-format", "json", "create", "--bundle", bundle.dir, "c1"]);
    const entry: { level: string; msg: string; time: string } = JSON.parse(readFileSync(log, "utf8"));
    expect(entry).toMatchObject({ level: "error", msg: expect.stringContaining("BERTH-R001") });
    expect(Number.isNaN(Date.parse(entry.time))).toBe(false);
  });

  test("leaves no file of its own behind", () => {
    expect(readdirSync(join(host.dir, "run/berth")).toSorted()).toEqual(["host.json", "low-level"]);
  });
});
