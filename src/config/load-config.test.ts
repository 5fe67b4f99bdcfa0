import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runProgram } from "../base/index.ts";
import { loadConfig, type Config } from "./index.ts";

const folder = mkdtempSync(join(tmpdir(), "berth-config-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Section "Keys" of the toolkit's documentation, release 1.20, as a table. */
const DEFAULTS: Config = {
  path: undefined,
  warnings: [],
  root: "/",
  disableRequire: false,
  swarmResources: [],
  acceptEnvWhenUnprivileged: true,
  acceptDevicesAsVolumeMounts: false,
  supportedDriverCapabilities: ["compat32", "compute", "display", "graphics", "ngx", "utility", "video"],
  driverRoot: "",
  cli: {
    path: "",
    environment: [],
    debug: "",
    ldcache: "",
    loadKmods: true,
    noPivot: false,
    noCgroups: false,
    user: "",
    ldconfig: undefined,
  },
  debug: "/dev/null",
  logLevel: "info",
  runtimes: ["runc", "crun"],
  mode: "auto",
  modes: {
    csvMountSpecPath: "/etc/nvidia-container-runtime/host-files-for-container.d",
    csvCompatContainerRoot: "",
    cdiSpecDirs: ["/etc/cdi", "/var/run/cdi"],
    cdiDefaultKind: "nvidia.com/gpu",
    cdiAnnotationPrefixes: ["cdi.k8s.io/"],
    jitCdiFeatureFlags: [],
    jitCdiDisableHooks: [],
    legacyCudaCompatMode: "ldconfig",
  },
  hookPath: "nvidia-container-runtime-hook",
  skipModeDetection: false,
  ctkPath: "nvidia-ctk",
  features: {
    allowCudaCompatLibsFromContainer: false,
    allowLdconfigFromContainer: false,
    allowUnknownOciSpecFields: false,
    disableCudaCompatLibHook: false,
    disableImexChannelCreation: false,
    ignoreImexChannelRequests: false,
    noAdditionalGidsForDeviceNodes: false,
  },
};

/** A value other than the default for every key. */
const EVERY_KEY = `
disable-require = true
swarm-resource = "DOCKER_RESOURCE_GPU, DOCKER_RESOURCE_X"
accept-nvidia-visible-devices-envvar-when-unprivileged = false
accept-nvidia-visible-devices-as-volume-mounts = true
supported-driver-capabilities = "compute, utility"

[nvidia-container-cli]
root = "/run/nvidia/driver"
path = "/usr/bin/nvidia-container-cli"
environment = ["A=b"]
debug = "/var/log/toolkit.log"
ldcache = "/etc/ld.so.cache"
load-kmods = false
no-pivot = true
no-cgroups = true
user = "root:video"
ldconfig = "@/sbin/ldconfig.real"

[nvidia-container-runtime]
debug = "/var/log/runtime.log"
log-level = "WARN"
runtimes = ["/opt/runc"]
mode = "cdi"
modes.csv.mount-spec-path = "/csv"
modes.csv.compat-container-root = "/compat"
modes.cdi.spec-dirs = ["/cdi"]
modes.cdi.default-kind = "a.b/c"
modes.cdi.annotation-prefixes = []
modes.jit-cdi.nvcdi-feature-flags = ["f"]
modes.jit-cdi.nvcdi-disable-hooks = ["all"]
modes.legacy.cuda-compat-mode = "mount"

[nvidia-container-runtime-hook]
path = "hook"
skip-mode-detection = true

[nvidia-ctk]
path = "ctk"

[features]
allow-cuda-compat-libs-from-container = true
allow-ldconfig-from-container = true
allow-unknown-oci-spec-fields = true
disable-cuda-compat-lib-hook = true
disable-imex-channel-creation = true
ignore-imex-channel-requests = true
no-additional-gids-for-device-nodes = true

[berth]
root = "/srv/sim/"
`;

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

test("a file changes every key that it names", () => {
  expect(load(EVERY_KEY)).toEqual({
    path: join(folder, "config.toml"),
    warnings: [],
    root: "/srv/sim",
    disableRequire: true,
    swarmResources: ["DOCKER_RESOURCE_GPU", "DOCKER_RESOURCE_X"],
    acceptEnvWhenUnprivileged: false,
    acceptDevicesAsVolumeMounts: true,
    supportedDriverCapabilities: ["compute", "utility"],
    driverRoot: "/run/nvidia/driver",
    cli: {
      path: "/usr/bin/nvidia-container-cli",
      environment: ["A=b"],
      debug: "/var/log/toolkit.log",
      ldcache: "/etc/ld.so.cache",
      loadKmods: false,
      noPivot: true,
      noCgroups: true,
      user: "root:video",
      ldconfig: "@/sbin/ldconfig.real",
    },
    debug: "/var/log/runtime.log",
    logLevel: "warning",
    runtimes: ["/opt/runc"],
    mode: "cdi",
    modes: {
      csvMountSpecPath: "/csv",
      csvCompatContainerRoot: "/compat",
      cdiSpecDirs: ["/cdi"],
      cdiDefaultKind: "a.b/c",
      cdiAnnotationPrefixes: [],
      jitCdiFeatureFlags: ["f"],
      jitCdiDisableHooks: ["all"],
      legacyCudaCompatMode: "mount",
    },
    hookPath: "hook",
    skipModeDetection: true,
    ctkPath: "ctk",
    features: {
      allowCudaCompatLibsFromContainer: true,
      allowLdconfigFromContainer: true,
      allowUnknownOciSpecFields: true,
      disableCudaCompatLibHook: true,
      disableImexChannelCreation: true,
      ignoreImexChannelRequests: true,
      noAdditionalGidsForDeviceNodes: true,
    },
  });
});

test("unknown keys and an empty file are no matter, and what is empty stays empty", () => {
  const path = join(folder, "config.toml");
  expect(load("")).toEqual({ ...DEFAULTS, path });
  expect(load("x = 1\n[features]\ngds = 'yes'\n[tool]\ny = 1979-05-27")).toEqual({ ...DEFAULTS, path });
  expect(load("[nvidia-container-runtime]\nruntimes = []\ndebug = ''")).toMatchObject({ runtimes: [], debug: "" });
});

test("all in supported-driver-capabilities is every capability", () => {
  expect(load("supported-driver-capabilities = 'all'").supportedDriverCapabilities).toHaveLength(7);
});

test.each([
  ["trace", "trace"],
  ["Debug", "debug"],
  ["warn", "warning"],
  ["fatal", "error"],
] as const)("the log level %s is %s", (text, level) => {
  expect(load(`[nvidia-container-runtime]\nlog-level = '${text}'`)).toMatchObject({ logLevel: level, warnings: [] });
});

test("a log level that nobody knows is info and a warning, no failure", () => {
  const config = load("[nvidia-container-runtime]\nlog-level = 'loud'");
  expect(config.logLevel).toBe("info");
  expect(config.warnings).toEqual([
    `"nvidia-container-runtime.log-level" in "${join(folder, "config.toml")}" is "loud", which is no log level: "info" is used`,
  ]);
});

test("ldconfig may be the container's only where the file says so", () => {
  const text = "[features]\nallow-ldconfig-from-container = true\n[nvidia-container-cli]\nldconfig = '/sbin/ldconfig'";
  expect(load(text).cli.ldconfig).toBe("/sbin/ldconfig");
});

test("keys named like parts of a prototype change no object", () => {
  const text = "[__proto__]\nroot = '/x'\n[constructor.prototype]\nroot = '/x'\n[berth.__proto__]\nroot = '/x'";
  expect(load(text)).toEqual({ ...DEFAULTS, path: join(folder, "config.toml") });
  expect(Object.hasOwn(Object.prototype, "root")).toBe(false);
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
  ["[berth", "BERTH-C001", /config\.toml": ./],
  ["a = 1\na = 2", "BERTH-C001", /redefine key 'a'/],
  ["x = 99999999999999999999", "BERTH-C001", /64-bit/],
  [
    "[nvidia-container-runtime]\nruntimes = 'runc'",
    "BERTH-C002",
    /runtime\.runtimes" must be a list of strings, and is "runc"/,
  ],
  ["[nvidia-container-runtime]\nruntimes = [1]", "BERTH-C002", /"nvidia-container-runtime.runtimes" .* is \[1\]$/],
  [
    "[nvidia-container-runtime]\ndebug = true",
    "BERTH-C002",
    /"nvidia-container-runtime.debug" must be a string, and is true/,
  ],
  [
    "[nvidia-container-runtime]\nmode = ''",
    "BERTH-C002",
    /mode" must be one of "auto", "legacy", "csv", "cdi", "jit-cdi"/,
  ],
  ["[nvidia-container-runtime.modes]\ncdi = 1979-05-27", "BERTH-C002", /modes\.cdi" must be a table/],
  ["features = 1", "BERTH-C002", /"features" must be a table, and is 1/],
  [
    "[features]\nignore-imex-channel-requests = 1",
    "BERTH-C002",
    /"features.ignore-imex-channel-requests" must be true or false/,
  ],
  ["disable-require = 'no'", "BERTH-C002", /"disable-require" must be true or false, and is "no"/],
  ["[berth]\nroot = 'sim'", "BERTH-C002", /"berth.root" must be an absolute path .* is "sim"/],
  ["[berth]\nroot = '/a/../b'", "BERTH-C002", /"berth.root"/],
  ["supported-driver-capabilities = 'cuda'", "BERTH-C002", /"supported-driver-capabilities" must be a comma list/],
  [
    "[nvidia-container-cli]\nldconfig = '/sbin/ldconfig'",
    "BERTH-C002",
    /"nvidia-container-cli.ldconfig" .* begins with "@"/,
  ],
  ["[nvidia-container-cli]\nldconfig = ''", "BERTH-C002", /"nvidia-container-cli.ldconfig"/],
])("%j is refused with the file, the key and what is allowed", (text, code, cause) => {
  expect(() => load(text)).toThrow(expect.objectContaining({ code, message: expect.stringMatching(cause) }));
});

test("a configuration that is no regular file, no UTF-8 or too large is refused, and never waited for", () => {
  mkdirSync(join(folder, "dir.toml"));
  runProgram(["mkfifo", join(folder, "fifo.toml")]);
  writeFileSync(join(folder, "latin.toml"), Buffer.from([0x23, 0xe9]));
  writeFileSync(join(folder, "large.toml"), "#".repeat(1024 * 1024 + 1));
  for (const name of ["dir.toml", "fifo.toml", "latin.toml", "large.toml"]) {
    const run = () => loadConfig({ get: () => undefined }, join(folder, name));
    expect(run).toThrow(expect.objectContaining({ code: "BERTH-C001", message: expect.stringContaining(name) }));
  }
});
