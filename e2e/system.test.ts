import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describeWith, program } from "./lib/gate.ts";
import { must, run } from "./lib/run.ts";
import { Scope } from "./lib/scope.ts";
import { simHost, type SimHost } from "./lib/sim-host.ts";

const MAKE = ["system", "create-device-nodes"];
const LINK = ["system", "create-dev-char-symlinks"];

describeWith(["busybox"], "nvidia-ctk system and berth nodes", () => {
  let scope: Scope;
  let host: SimHost;
  let devices = "";

  beforeAll(() => {
    scope = new Scope("system");
    host = simHost(scope, "a100x8-mig");
    devices = readFileSync(join(host.dir, "proc/devices"), "utf8");
    // Loads nvidia-uvm as far as /proc/devices shows it, and cannot load nvidia-modeset.
    mkdirSync(join(host.dir, "sbin"), { recursive: true });
    copyFileSync(program("busybox"), join(host.dir, "sbin/busybox"));
    const lines = [
      "#!/sbin/busybox sh",
      'echo "$PATH $*" >> /modprobe.log',
      'case "$1" in',
      "  nvidia-uvm) /sbin/busybox mv /proc/devices.loaded /proc/devices ;;",
      '  nvidia-modeset) echo "no such module" >&2; exit 1 ;;',
      "esac",
    ];
    writeFileSync(join(host.dir, "sbin/modprobe"), `${lines.join("\n")}\n`);
    for (const name of ["busybox", "modprobe"]) chmodSync(join(host.dir, "sbin", name), 0o755);
  }, 60_000);

  afterAll(() => scope.close());
  afterEach(() => {
    writeFileSync(join(host.dir, "proc/devices"), devices);
    rmSync(join(host.dir, "modprobe.log"), { force: true });
    must([join(host.bin, "berth"), "nodes"]);
  });

  /** A program of the host; the host's folder and the times are left out of what it says. */
  function start(name: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const { status, stdout, stderr } = run([join(host.bin, name), ...args], { env: { PATH: "/usr/bin:/bin", ...env } });
    const plain = (text: string): string => text.replaceAll(host.dir, "").replaceAll(/^time="[^"]*" /gm, "");
    return { status, out: plain(stdout), err: plain(stderr) };
  }

  const ctk = (args: readonly string[], env?: Readonly<Record<string, string>>) => start("nvidia-ctk", args, env);
  const dev = (name: string): string => join(host.dir, "dev", name);
  const info = (...texts: readonly string[]): string => texts.map((text) => `level=info msg="${text}"\n`).join("");

  function removeNodes(...names: readonly string[]): void {
    for (const name of names) rmSync(dev(name), { recursive: true });
  }

  function unload(name: string): void {
    const lines = devices.split("\n").filter((line) => !line.endsWith(` ${name}`));
    writeFileSync(join(host.dir, "proc/devices.loaded"), devices);
    writeFileSync(join(host.dir, "proc/devices"), lines.join("\n"));
  }

  test("create-device-nodes makes the control nodes that are missing, and without --control-devices none", () => {
    removeNodes("nvidiactl", "nvidia-uvm", "nvidia0");
    expect(ctk(MAKE)).toEqual({ status: 0, out: "", err: "" });
    const skipped = ["nvidia-modeset", "nvidia-uvm-tools"].map((name) => `Skipping: /dev/${name} already exists`);
    const uvm = /^ *(\d+) nvidia-uvm$/m.exec(devices)?.[1];
    const doing = "Creating control device nodes at /";
    const planned = ["/dev/nvidiactl c 195 255", `/dev/nvidia-uvm c ${uvm} 0`].map(
      (node) => `Running: mknod --mode=0666 ${node}`,
    );
    expect(ctk([...MAKE, "--control-devices"], { DRY_RUN: "true" })).toEqual({
      status: 0,
      out: "",
      err: info(doing, ...skipped, ...planned),
    });
    expect(existsSync(dev("nvidiactl"))).toBe(false);
    expect(ctk([...MAKE, "--control-devices"])).toEqual({ status: 0, out: "", err: info(doing, ...skipped) });
    const stat = lstatSync(dev("nvidiactl"));
    expect([stat.isCharacterDevice(), stat.mode & 0o777, existsSync(dev("nvidia0"))]).toEqual([true, 0o666, false]);
  });

  test("create-device-nodes leaves what is in a node's place, and says so", () => {
    removeNodes("nvidiactl");
    writeFileSync(dev("nvidiactl"), "a file");
    const { status, err } = ctk([...MAKE, "--control-devices"]);
    expect(status).toBe(0);
    expect(err).toContain(
      'level=warning msg="Skipping: /dev/nvidiactl should be the device 195:255, but a regular file is in its place"\n',
    );
    expect(readFileSync(dev("nvidiactl"), "utf8")).toBe("a file");
    removeNodes("nvidiactl");
  });

  test("--dev-root makes them below another folder, which has to have a /dev", () => {
    const root = join(host.dir, "run/driver");
    mkdirSync(root, { recursive: true });
    const failed = ctk([...MAKE, "--control-devices", "--root=/run/driver"]);
    expect(failed.status).toBe(1);
    expect(failed.err).toContain('BERTH-N001: Cannot make the device node \\"/run/driver/dev/nvidiactl\\"');
    mkdirSync(join(root, "dev"));
    expect(ctk([...MAKE, "--control-devices"], { NVIDIA_DEV_ROOT: root }).status).toBe(0);
    const made = ["nvidia-modeset", "nvidia-uvm", "nvidia-uvm-tools", "nvidiactl"];
    expect(readdirSync(join(root, "dev")).toSorted()).toEqual(made);
  });

  test("without a module's number it fails after the others were made; --load-kernel-modules loads it first", () => {
    unload("nvidia-uvm");
    removeNodes("nvidiactl", "nvidia-uvm");
    const failed = ctk([...MAKE, "--control-devices"]);
    expect(failed.status).toBe(1);
    expect(failed.err).toContain('level=error msg="BERTH-N006: ');
    expect(failed.err).toContain("remedy: modprobe nvidia-uvm");
    expect([existsSync(dev("nvidiactl")), existsSync(dev("nvidia-uvm"))]).toEqual([true, false]);
    const loading = ctk([...MAKE, "--control-devices", "--load-kernel-modules"]);
    expect(loading.status).toBe(1);
    expect(loading.err).toContain("it ended with 1: no such module");
    const path = "/usr/sbin:/usr/bin:/sbin:/bin";
    expect(readFileSync(join(host.dir, "modprobe.log"), "utf8")).toBe(
      `${path} nvidia\n${path} nvidia-uvm\n${path} nvidia-modeset\n`,
    );
    const chroot = "Running: /usr/sbin/chroot  /sbin/modprobe";
    const planned = ctk([...MAKE, "--load-kernel-modules", "--dry-run"]);
    expect(planned).toEqual({
      status: 0,
      out: "",
      err: info(`${chroot} nvidia`, `${chroot} nvidia-uvm`, `${chroot} nvidia-modeset`),
    });
  });

  test("create-dev-char-symlinks links what exists, leaves right links alone, and is no failure where one cannot be made", () => {
    expect(ctk(LINK)).toEqual({ status: 0, out: "", err: "" });
    removeNodes("char/195:0", "char/195:1", "char/234:1");
    writeFileSync(dev("char/195:1"), "a file");
    const made = ["195:0 => /dev/nvidia0", "234:1 => /dev/nvidia-caps/nvidia-cap1"];
    const planned = ctk([...LINK, "--dry-run"]);
    expect(planned.err).toBe(info(...made.map((link) => `Creating link /dev/char/${link}`)).concat(warningOf("195:1")));
    expect(existsSync(dev("char/195:0"))).toBe(false);
    expect(ctk(LINK)).toEqual({ ...planned, status: 0 });
    expect([readlinkSync(dev("char/195:0")), readFileSync(dev("char/195:1"), "utf8")]).toEqual([
      "/dev/nvidia0",
      "a file",
    ]);
    removeNodes("char/195:1");
  });

  const warningOf = (number: string): string =>
    `level=warning msg="BERTH-N004: Cannot make the link \\"/dev/char/${number}\\" -> \\"/dev/nvidia1\\": ` +
    `something that is no link is there; remedy: ls -ld /dev/char/${number}"\n`;

  test("--create-all links to what may come to be, in another folder; its companions count only with it", () => {
    const { status, err } = ctk([...LINK, "--load-kernel-modules", "--create-device-nodes", "--dry-run"]);
    const ignored = ["load-kernel-modules", "create-device-nodes"].map(
      (name) => `level=warning msg="${name} is only applicable when create-all is set; ignoring"\n`,
    );
    expect([status, err]).toEqual([0, ignored.join("")]);
    removeNodes("nvidiactl");
    const args = [...LINK, "--create-all", "--create-device-nodes", "--dev-char-path", "/run/links/char"];
    expect(ctk(args).status).toBe(0);
    const links = readdirSync(join(host.dir, "run/links/char"));
    // 4 of control, 8 GPUs, config and monitor of MIG, 15 GPU instances with 8 compute instances each.
    expect(links).toHaveLength(4 + 8 + 2 + 8 * 15 * 9);
    expect(readlinkSync(join(host.dir, "run/links/char/195:7"))).toBe("/dev/nvidia7");
    expect(existsSync(dev("nvidiactl"))).toBe(true);
    unload("nvidia-caps");
    const failed = ctk(args);
    expect(failed.status).toBe(1);
    expect(failed.err).toContain("BERTH-N006");
  });

  test("info and system alone print help, an unknown command is exit code 3", () => {
    for (const words of [["info"], ["system"], [...MAKE, "--help"]])
      expect(ctk(words)).toMatchObject({ status: 0, err: "", out: expect.stringMatching(/^NAME:\n {3}nvidia-ctk /) });
    expect(ctk(["system", "nope"])).toEqual({ status: 3, out: "", err: "No help topic for 'nope'\n" });
    expect(ctk([...LINK, "--nope"]).status).toBe(1);
  });

  test("berth nodes --load-modules loads what is missing, then makes its nodes", () => {
    unload("nvidia-uvm");
    removeNodes("nvidia-uvm");
    const { status, out, err } = start("berth", ["nodes", "--load-modules"]);
    expect([status, err]).toEqual([0, ""]);
    expect(out).toMatch(/^loaded nvidia-uvm\nmade \/dev\/nvidia-uvm \(\d+:0, mode 0666, owner 0:0\)\n$/);
    expect(start("berth", ["nodes", "--load-modules"])).toEqual({ status: 0, out: "", err: "" });
    renameSync(join(host.dir, "sbin/modprobe"), join(host.dir, "sbin/gone"));
    unload("nvidia-uvm");
    const failed = start("berth", ["nodes", "--load-modules"]);
    renameSync(join(host.dir, "sbin/gone"), join(host.dir, "sbin/modprobe"));
    expect([failed.status, failed.err]).toEqual([1, expect.stringContaining("BERTH-N005")]);
  });
});
