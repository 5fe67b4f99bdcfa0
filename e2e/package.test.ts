import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { DROP_INS } from "../src/base/index.ts";
import { makeDebs, unitsToEnable } from "../scripts/packages/deb.ts";
import { debianTree } from "./images/debian.ts";
import { dist, describeWith } from "./lib/gate.ts";
import { must, run, type Output } from "./lib/run.ts";
import { Scope, waitFor } from "./lib/scope.ts";

const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const ARCHITECTURE = process.arch === "arm64" ? "arm64" : "amd64";
const DEB = { architecture: ARCHITECTURE, compression: "none", epoch: 1_700_000_000 } as const;

describeWith(["debootstrap", "dpkg-deb"], "the packages for Debian, in a machine of its smallest kind", () => {
  let scope: Scope;
  let tree: string;
  let before: string[];

  const inside = (...argv: readonly string[]): Output =>
    run(["chroot", tree, ...argv], { env: { PATH, DEBIAN_FRONTEND: "noninteractive" } });
  const dpkg = (...args: readonly string[]): Output => inside("dpkg", "--force-unsafe-io", ...args);
  const read = (path: string): string => readFileSync(join(tree, path), "utf8");

  function write(path: string, text: string, mode = 0o644): void {
    mkdirSync(dirname(join(tree, path)), { recursive: true });
    writeFileSync(join(tree, path), text);
    chmodSync(join(tree, path), mode);
  }

  /** Every path of the machine but what dpkg itself writes down. */
  function paths(): string[] {
    const names = must(["find", tree, "-xdev", "-printf", "%P\\n"]).split("\n");
    return names.filter((name) => !/^(proc|tmp|var\/lib\/dpkg|var\/log|var\/cache)\//.test(name)).toSorted();
  }

  /** What stands in for the toolkit of NVIDIA. */
  function makeToolkit(): void {
    const folder = scope.folder("toolkit");
    mkdirSync(join(folder, "DEBIAN"));
    mkdirSync(join(folder, "usr/bin"), { recursive: true });
    writeFileSync(join(folder, "usr/bin/nvidia-ctk"), "peer");
    writeFileSync(
      join(folder, "DEBIAN/control"),
      "Package: nvidia-container-toolkit\nVersion: 1.17.8-1\nArchitecture: all\nMaintainer: x <x@x.invalid>\nDescription: x\n",
    );
    must(["dpkg-deb", "--root-owner-group", "-Znone", "--build", folder, join(tree, "tmp/toolkit.deb")]);
  }

  beforeAll(async () => {
    scope = new Scope("package");
    tree = scope.folder("machine");
    const [layer, work] = [scope.folder("layer"), scope.folder("work")];
    must([
      "mount",
      "-t",
      "overlay",
      "overlay",
      "-o",
      `lowerdir=${debianTree()},upperdir=${layer},workdir=${work}`,
      tree,
    ]);
    must(["mount", "-t", "proc", "proc", join(tree, "proc")]);
    symlinkSync("/proc/self/fd", join(tree, "dev/fd"));
    // The tree has no modules of perl, which the real one is written in.
    write("/usr/bin/deb-systemd-helper", '#!/bin/sh\necho "$*" >>/tmp/helper\n', 0o755);
    must(["mknod", "-m", "666", join(tree, "dev/null"), "c", "1", "3"]);
    before = paths();
    for (const version of ["1.0.0", "1.0.1"]) {
      const outDir = join(tree, "tmp", version);
      mkdirSync(outDir);
      await makeDebs({ ...DEB, dist, outDir, version });
    }
    makeToolkit();
  }, 600_000);

  afterAll(() => scope.close());

  const deb = (name: string, version: string): string => `/tmp/${version}/${name}_${version}_${ARCHITECTURE}.deb`;

  test("berth alone installs beside a toolkit, whose files it leaves alone", () => {
    expect(dpkg("-i", "/tmp/toolkit.deb")).toMatchObject({ status: 0 });
    expect(dpkg("-i", deb("berth", "1.0.0"))).toMatchObject({ status: 0, stderr: "" });
    expect(read("/usr/bin/nvidia-ctk")).toBe("peer");
    expect(inside("/usr/lib/berth/bin/nvidia-ctk", "--version").stdout).toStartWith("nvidia-ctk version ");
    expect(inside("berth", "version").stdout).toStartWith("berth version ");
  });

  test("the machine has neither Node nor npm nor gcc, and berth makes a simulated host and sees its GPUs", () => {
    expect(inside("sh", "-c", "command -v node npm gcc").stdout).toBe("");
    expect(inside("berth", "sim", "up", "/srv/sim", "--profile", "h100x8", "--stand-ins")).toMatchObject({ status: 0 });
    const host: { gpus: unknown[] } = JSON.parse(
      inside("berth", "--root", "/srv/sim", "host", "--json", "--no-learn").stdout,
    );
    expect(host.gpus).toHaveLength(8);
  });

  test("berth install keeps off what the package owns", () => {
    expect(inside("berth", "install", "--prefix", "/usr").stderr).toContain("BERTH-I005");
    expect(inside("berth", "uninstall", "--prefix", "/usr").stderr).toContain("BERTH-I005");
  });

  test("berth-nvidia takes the toolkit's place, and its runtime puts GPUs into a container's spec", () => {
    const output = dpkg("-i", deb("berth-nvidia", "1.0.0"));
    expect(output.stdout + output.stderr).toContain("nvidia-container-toolkit");
    expect(output.status).toBe(0);
    expect(inside("dpkg-query", "-W", "-f", "${db:Status-Abbrev}", "nvidia-container-toolkit").stdout).not.toContain(
      "ii",
    );
    for (const name of DROP_INS) expect(inside("sh", "-c", `command -v ${name}`).stdout).toBe(`/usr/bin/${name}\n`);
    const units = unitsToEnable();
    expect(units).toContain("berth-cdi-refresh.path");
    expect(read("/tmp/helper")).toBe(units.map((unit) => `--quiet was-enabled ${unit}\nenable ${unit}\n`).join(""));
    // It only has to be started, with the spec that it would have read.
    write("/usr/bin/runc", "#!/bin/sh\nexit 0\n", 0o755);
    write("/etc/nvidia-container-runtime/config.toml", '[berth]\nroot = "/srv/sim"\n');
    const spec = {
      ociVersion: "1.1.0",
      process: { env: ["NVIDIA_VISIBLE_DEVICES=3"] },
      root: { path: "rootfs" },
      linux: {},
    };
    write("/srv/bundle/config.json", JSON.stringify(spec));
    write("/srv/bundle/rootfs/etc/hostname", "x");
    expect(inside("nvidia-container-runtime", "create", "--bundle", "/srv/bundle", "x")).toEqual({
      status: 0,
      stdout: "",
      stderr: "",
    });
    expect(read("/srv/bundle/config.json")).toContain("/dev/nvidia3");
  });

  test("an upgrade puts every file in place anew, and an administrator's options stay", () => {
    write("/etc/default/berth-cdi-refresh", "OPTIONS=--vendor example.com\n");
    const inode = statSync(join(tree, "/usr/lib/berth/berth")).ino;
    expect(dpkg("-i", deb("berth", "1.0.1"), deb("berth-nvidia", "1.0.1"))).toMatchObject({ status: 0, stderr: "" });
    expect(inside("dpkg-query", "-W", "-f", "${Version} ", "berth", "berth-nvidia").stdout).toBe("1.0.1 1.0.1 ");
    expect(statSync(join(tree, "/usr/lib/berth/berth")).ino).not.toBe(inode);
    expect(read("/etc/default/berth-cdi-refresh")).toContain("example.com");
    expect(inside("nvidia-container-cli", "--version").status).toBe(0);
  });

  test("dpkg finds every file as it was packed", () => {
    const changed = inside("dpkg", "--verify", "berth", "berth-nvidia")
      .stdout.split("\n")
      .filter((line) => line !== "");
    expect(changed).toEqual([expect.stringContaining("/etc/default/berth-cdi-refresh")]);
  });

  test("removed, nothing starts and what berth knows stays; purged, nothing of it is left", () => {
    write("/var/lib/berth/gpus.json", "{}");
    write("/run/berth/host.json", "{}");
    write("/run/cdi/nvidia.yaml", "hookPath: /usr/lib/berth/bin/nvidia-cdi-hook\n");
    expect(dpkg("-r", "berth-nvidia", "berth")).toMatchObject({ status: 0 });
    expect(existsSync(join(tree, "/usr/bin/berth"))).toBe(false);
    expect(existsSync(join(tree, "/run/cdi/nvidia.yaml"))).toBe(false);
    expect(existsSync(join(tree, "/var/lib/berth/gpus.json"))).toBe(true);
    expect(dpkg("-P", "berth-nvidia", "berth", "nvidia-container-toolkit")).toMatchObject({ status: 0 });
    const own = /^(srv\/|usr\/bin\/runc$|etc\/nvidia-container-runtime|run\/cdi$)/;
    expect(paths().filter((path) => !own.test(path))).toEqual(before);
  });

  test("the same sources give the same packages, whenever and under whatever umask", async () => {
    const small = scope.folder("dist");
    mkdirSync(join(small, "bin"));
    cpSync(join(dist, "bin/berth"), join(small, "bin/berth"));
    writeFileSync(join(small, "berth"), "executable");
    const made: (readonly (number | bigint)[])[] = [];
    for (const umask of [0o022, 0o077]) {
      const outDir = scope.folder("made");
      const usual = process.umask(umask);
      const debs = await makeDebs({ ...DEB, dist: small, outDir, version: "1.0.0" });
      process.umask(usual);
      made.push(debs.map((path) => Bun.hash(readFileSync(path))));
    }
    expect(made[0]).toEqual(made[1] ?? []);
  });

  test("berth install on a machine without the package, and berth uninstall, leave no trace", () => {
    mkdirSync(join(tree, "tmp/dist"));
    must(["mount", "--bind", "--options", "ro", dist, join(tree, "tmp/dist")]);
    const was = paths();
    expect(inside("/tmp/dist/bin/berth", "install")).toMatchObject({ status: 0 });
    expect(inside("/usr/local/bin/berth", "install").stdout).toContain("nothing had to be changed");
    expect(inside("nvidia-container-cli", "--version").status).toBe(0);
    const completed = inside("bash", "-c", COMPLETE);
    expect(completed).toEqual({ status: 0, stdout: "auto\n--mode\ngenerate\n", stderr: "" });
    expect(inside("/usr/local/bin/berth", "uninstall")).toMatchObject({ status: 0, stderr: "" });
    expect(paths()).toEqual(was);
  });

  test("berth install that is killed in the middle is taken away whole", async () => {
    const was = paths();
    const child = Bun.spawn(["chroot", tree, "/tmp/dist/bin/berth", "install"], {
      stdio: ["ignore", "ignore", "ignore"],
    });
    const isBegun = () => existsSync(join(tree, "usr/local/lib/berth/bin"));
    waitFor(
      () => isBegun() || undefined,
      30_000,
      () => "nothing was installed",
    );
    child.kill("SIGKILL");
    await child.exited;
    expect(child.signalCode).toBe("SIGKILL");
    expect(paths()).not.toEqual(was);
    expect(inside("/tmp/dist/bin/berth", "uninstall")).toMatchObject({ status: 0, stderr: "" });
    expect(paths()).toEqual(was);
  });
});

/** What bash offers: it takes `--mode=au` for three words. */
const COMPLETE = `
. /usr/local/share/bash-completion/completions/berth
offer() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _berth; printf '%s\\n' "\${COMPREPLY[@]}"; }
offer berth cdi generate --mode = au
offer berth cdi generate --mo
offer berth cdi gen
`;
