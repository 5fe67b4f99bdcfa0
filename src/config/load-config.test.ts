import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig } from "./index.ts";

const folder = mkdtempSync(join(tmpdir(), "berth-config-"));
afterAll(() => rmSync(folder, { recursive: true }));

const DEFAULTS = {
  path: undefined,
  root: "/",
  driverRoot: "",
  runtimes: ["runc", "crun"],
  debug: "/dev/null",
  logLevel: "info",
  supportedDriverCapabilities: ["compat32", "compute", "display", "graphics", "ngx", "utility", "video"],
};

function write(text: string, path = join(folder, "config.toml")): string {
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, text);
  return path;
}

function load(text: string) {
  return loadConfig({ get: () => undefined }, write(text));
}

test("without a file everything has its default", () => {
  expect(loadConfig({ get: () => undefined }, join(folder, "missing.toml"))).toEqual(DEFAULTS);
});

test("a file changes the keys that it names, and unknown keys are left alone", () => {
  const text = `
    unknown = 1
    supported-driver-capabilities = "compute, utility"
    [nvidia-container-runtime]
    runtimes = ["/opt/runc"]
    debug = "/var/log/x.log"
    log-level = "debug"
    [nvidia-container-cli]
    root = "/run/nvidia/driver"
    ldconfig = "@/sbin/ldconfig.real"
    [berth]
    root = "/srv/sim/"`;
  expect(load(text)).toEqual({
    path: join(folder, "config.toml"),
    root: "/srv/sim",
    driverRoot: "/run/nvidia/driver",
    runtimes: ["/opt/runc"],
    debug: "/var/log/x.log",
    logLevel: "debug",
    supportedDriverCapabilities: ["compute", "utility"],
  });
});

test("the launcher's file is before NVIDIA_CTK_CONFIG_FILE_PATH, and that before XDG_CONFIG_HOME", () => {
  const slot = write("[berth]\nroot = '/slot'", join(folder, "slot.toml"));
  const named = write("[berth]\nroot = '/named'", join(folder, "named.toml"));
  write("[berth]\nroot = '/xdg'", join(folder, "xdg/nvidia-container-runtime/config.toml"));
  const both = new Map([["NVIDIA_CTK_CONFIG_FILE_PATH", named], ["XDG_CONFIG_HOME", join(folder, "xdg")]]); // prettier-ignore
  const xdg = new Map([["XDG_CONFIG_HOME", join(folder, "xdg")]]);
  expect(loadConfig(both, slot).root).toBe("/slot");
  expect(loadConfig(both, undefined).root).toBe("/named");
  expect(loadConfig(xdg, undefined).root).toBe("/xdg");
});

test.each([
  ["[berth", "BERTH-C001", "config.toml"],
  ["[nvidia-container-runtime]\nruntimes = 'runc'", "BERTH-C002", "nvidia-container-runtime.runtimes is"],
  ["[nvidia-container-runtime]\nruntimes = [1]", "BERTH-C002", "nvidia-container-runtime.runtimes is [1]"],
  ["[nvidia-container-runtime]\ndebug = true", "BERTH-C002", "nvidia-container-runtime.debug is true"],
  ["[berth]\nroot = 'sim'", "BERTH-C002", 'berth.root is "sim"'],
  ["[berth]\nroot = '/a/../b'", "BERTH-C002", "berth.root"],
  ["supported-driver-capabilities = 'cuda'", "BERTH-C002", "supported-driver-capabilities"],
  ["[nvidia-container-cli]\nldconfig = '/sbin/ldconfig'", "BERTH-C002", "nvidia-container-cli.ldconfig"],
])("%j is refused with the file, the key and what is allowed", (text, code, cause) => {
  expect(() => load(text)).toThrow(expect.objectContaining({ code, message: expect.stringContaining(cause) }));
});

test("a configuration that is a folder is refused, not taken for none", () => {
  mkdirSync(join(folder, "dir.toml"));
  expect(() => loadConfig({ get: () => undefined }, join(folder, "dir.toml"))).toThrow(
    expect.objectContaining({ code: "BERTH-C001" }),
  );
});
