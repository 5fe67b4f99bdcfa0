import { afterAll, expect, test } from "bun:test";
import type { Config } from "./index.ts";
import { DEFAULTS } from "./keys.ts";
import { configFolder, messageOf } from "./load-config.test-helper.ts";

const files = configFolder();
afterAll(() => files[Symbol.dispose]());

const ALL = ["compat32", "compute", "display", "graphics", "ngx", "utility", "video"];
const TRUE_FALSE = "must be true or false, and is";
const STRING = "must be a string, and is";
const STRINGS = "must be a list of strings, and";

interface Row {
  readonly key: string;
  readonly of: (config: Config) => unknown;
  /** What a file without the key means. */
  readonly absent: unknown;
  /** A right value, as TOML and as it is read. */
  readonly right: readonly [string, unknown];
  /** A wrong one, with » before the place that is named, and what is said of it. */
  readonly wrong: readonly [string, string];
}

const row = (key: string, of: Row["of"], values: Omit<Row, "key" | "of">): Row => ({ key, of, ...values });

/** Every key of NVIDIA container toolkit 1.20 and of berth: its default, a right value and a wrong one. */
const KEYS: readonly Row[] = [
  row("disable-require", (c) => c.disableRequire, {
    absent: false,
    right: ["true", true],
    wrong: [`»"no"`, `${TRUE_FALSE} "no"`],
  }),
  row("swarm-resource", (c) => c.swarmResources, {
    absent: [],
    right: [`"GPU_A, GPU_B"`, ["GPU_A", "GPU_B"]],
    wrong: [
      `»"GPU_A,GPU B"`,
      `must be a comma list of names of variables, without blanks and "=" in them, and holds "GPU B"`,
    ],
  }),
  row("accept-nvidia-visible-devices-envvar-when-unprivileged", (c) => c.acceptEnvWhenUnprivileged, {
    absent: true,
    right: ["false", false],
    wrong: ["»0", `${TRUE_FALSE} 0`],
  }),
  row("accept-nvidia-visible-devices-as-volume-mounts", (c) => c.acceptDevicesAsVolumeMounts, {
    absent: false,
    right: ["true", true],
    wrong: ["»1", `${TRUE_FALSE} 1`],
  }),
  row("supported-driver-capabilities", (c) => c.supportedDriverCapabilities, {
    absent: ALL,
    right: [`"utility, compute,utility"`, ["utility", "compute"]],
    wrong: [
      `»"utility,comptue"`,
      `must be a comma list of compat32, compute, display, graphics, ngx, utility, video, or "all", and holds "comptue": did you mean "compute"?`,
    ],
  }),
  row("nvidia-container-cli.root", (c) => c.driverRoot, {
    absent: "",
    right: [`"/run/nvidia/driver"`, "/run/nvidia/driver"],
    wrong: [`»"driver"`, `must be an absolute path or "", and is "driver"`],
  }),
  row("nvidia-container-cli.path", (c) => c.cli.path, {
    absent: "",
    right: [`"/usr/bin/nvidia-container-cli"`, "/usr/bin/nvidia-container-cli"],
    wrong: ["»true", `${STRING} true`],
  }),
  row("nvidia-container-cli.environment", (c) => c.cli.environment, {
    absent: [],
    right: [`["A=b"]`, ["A=b"]],
    wrong: [`["A=b", »7]`, `${STRINGS} holds 7`],
  }),
  row("nvidia-container-cli.debug", (c) => c.cli.debug, {
    absent: "",
    right: [`"/var/log/cli.log"`, "/var/log/cli.log"],
    wrong: ["»true", `${STRING} true`],
  }),
  row("nvidia-container-cli.ldcache", (c) => c.cli.ldcache, {
    absent: "",
    right: [`"/etc/ld.so.cache"`, "/etc/ld.so.cache"],
    wrong: ["»[]", `${STRING} []`],
  }),
  row("nvidia-container-cli.load-kmods", (c) => c.cli.loadKmods, {
    absent: true,
    right: ["false", false],
    wrong: [`»"false"`, `${TRUE_FALSE} "false"`],
  }),
  row("nvidia-container-cli.no-pivot", (c) => c.cli.noPivot, {
    absent: false,
    right: ["true", true],
    wrong: ["»1.5", `${TRUE_FALSE} 1.5`],
  }),
  row("nvidia-container-cli.no-cgroups", (c) => c.cli.noCgroups, {
    absent: false,
    right: ["true", true],
    wrong: ["»{}", `${TRUE_FALSE} {}`],
  }),
  row("nvidia-container-cli.user", (c) => c.cli.user, {
    absent: "",
    right: [`"root:video"`, "root:video"],
    wrong: ["»0", `${STRING} 0`],
  }),
  row("nvidia-container-cli.ldconfig", (c) => c.cli.ldconfig, {
    absent: undefined,
    right: [`"@/sbin/ldconfig.real"`, "@/sbin/ldconfig.real"],
    wrong: [
      `»"/sbin/ldconfig"`,
      `must be a path of the host, which begins with "@" (as "@/sbin/ldconfig"), and is "/sbin/ldconfig"`,
    ],
  }),
  row("nvidia-container-runtime.debug", (c) => c.debug, {
    absent: "/dev/null",
    right: [`""`, ""],
    wrong: ["»true", `${STRING} true`],
  }),
  row("nvidia-container-runtime.log-level", (c) => c.logLevel, {
    absent: "info",
    right: [`"WARN"`, "warning"],
    wrong: ["»4", `${STRING} 4`],
  }),
  row("nvidia-container-runtime.runtimes", (c) => c.runtimes, {
    absent: ["runc", "crun"],
    right: ["[]", []],
    wrong: [`»"runc"`, `${STRINGS} is "runc"`],
  }),
  row("nvidia-container-runtime.mode", (c) => c.mode, {
    absent: "auto",
    right: [`"jit-cdi"`, "jit-cdi"],
    wrong: [
      `»"leagcy"`,
      `must be one of "auto", "legacy", "csv", "cdi", "jit-cdi", and is "leagcy": did you mean "legacy"?`,
    ],
  }),
  row("nvidia-container-runtime.modes.csv.mount-spec-path", (c) => c.modes.csvMountSpecPath, {
    absent: "/etc/nvidia-container-runtime/host-files-for-container.d",
    right: [`"/csv"`, "/csv"],
    wrong: [`»""`, `must be an absolute path, and is ""`],
  }),
  row("nvidia-container-runtime.modes.csv.compat-container-root", (c) => c.modes.csvCompatContainerRoot, {
    absent: "",
    right: [`"/compat"`, "/compat"],
    wrong: [`»"compat"`, `must be an absolute path or "", and is "compat"`],
  }),
  row("nvidia-container-runtime.modes.cdi.spec-dirs", (c) => c.modes.cdiSpecDirs, {
    absent: ["/etc/cdi", "/var/run/cdi"],
    right: [`["/cdi"]`, ["/cdi"]],
    wrong: [`["/a", »"b"]`, `must be a list of absolute paths, and holds "b"`],
  }),
  row("nvidia-container-runtime.modes.cdi.default-kind", (c) => c.modes.cdiDefaultKind, {
    absent: "nvidia.com/gpu",
    right: [`"v/c"`, "v/c"],
    wrong: [`»"gpu"`, `must be a CDI kind, a vendor and a class (as "nvidia.com/gpu"), and is "gpu"`],
  }),
  row("nvidia-container-runtime.modes.cdi.annotation-prefixes", (c) => c.modes.cdiAnnotationPrefixes, {
    absent: ["cdi.k8s.io/"],
    right: ["[]", []],
    wrong: [`["a/", »""]`, `must be a list of texts that are not empty, and holds ""`],
  }),
  row("nvidia-container-runtime.modes.jit-cdi.nvcdi-feature-flags", (c) => c.modes.jitCdiFeatureFlags, {
    absent: new Set(),
    right: [`["disable-nvsandbox-utils"]`, new Set(["disable-nvsandboxutils"])],
    wrong: [`[»true]`, `${STRINGS} holds true`],
  }),
  row("nvidia-container-runtime.modes.jit-cdi.nvcdi-disable-hooks", (c) => c.modes.jitCdiDisableHooks, {
    absent: new Set(),
    right: [`["chmod", "update-ldcache"]`, new Set(["chmod", "update-ldcache"])],
    wrong: [`»"all"`, `${STRINGS} is "all"`],
  }),
  row("nvidia-container-runtime.modes.legacy.cuda-compat-mode", (c) => c.modes.legacyCudaCompatMode, {
    absent: "ldconfig",
    right: [`""`, ""],
    wrong: [
      `»"hooks"`,
      `must be one of "disabled", "hook", "ldconfig", "mount", "", and is "hooks": did you mean "hook"?`,
    ],
  }),
  row("nvidia-container-runtime-hook.path", (c) => c.hookPath, {
    absent: "nvidia-container-runtime-hook",
    right: [`"hook"`, "hook"],
    wrong: ["»1979-05-27", `${STRING} "1979-05-27"`],
  }),
  row("nvidia-container-runtime-hook.skip-mode-detection", (c) => c.skipModeDetection, {
    absent: false,
    right: ["true", true],
    wrong: [`»"true"`, `${TRUE_FALSE} "true"`],
  }),
  row("nvidia-ctk.path", (c) => c.ctkPath, {
    absent: "nvidia-ctk",
    right: [`"/usr/bin/nvidia-ctk"`, "/usr/bin/nvidia-ctk"],
    wrong: ["»false", `${STRING} false`],
  }),
  ...(
    [
      ["allow-cuda-compat-libs-from-container", "allowCudaCompatLibsFromContainer"],
      ["allow-ldconfig-from-container", "allowLdconfigFromContainer"],
      ["allow-unknown-oci-spec-fields", "allowUnknownOciSpecFields"],
      ["disable-cuda-compat-lib-hook", "disableCudaCompatLibHook"],
      ["disable-imex-channel-creation", "disableImexChannelCreation"],
      ["ignore-imex-channel-requests", "ignoreImexChannelRequests"],
      ["no-additional-gids-for-device-nodes", "noAdditionalGidsForDeviceNodes"],
    ] as const
  ).map(([name, field]) =>
    row(`features.${name}`, (c) => c.features[field], {
      absent: false,
      right: ["true", true],
      wrong: [`»"true"`, `${TRUE_FALSE} "true"`],
    }),
  ),
  row("berth.root", (c) => c.root, {
    absent: "/",
    right: [`"/srv/sim/"`, "/srv/sim"],
    wrong: [`»"/a/../b"`, `must be an absolute path without "..", and is "/a/../b"`],
  }),
  row("berth.lease-policy", (c) => c.leases.policy, {
    absent: "",
    right: [`"deny"`, "deny"],
    wrong: [`»"wran"`, `must be one of "", "deny", "warn", "allow", and is "wran": did you mean "warn"?`],
  }),
  row("berth.lease-unchecked", (c) => c.leases.isUnchecked, {
    absent: false,
    right: ["true", true],
    wrong: [`»1`, `${TRUE_FALSE} 1`],
  }),
  row("berth.lease-limit", (c) => c.leases.limit, {
    absent: 0,
    right: ["4", 4],
    wrong: [`»65536`, "must be a whole number from 0 to 65535, and is 65536"],
  }),
  row("berth.choose-by-count", (c) => c.leases.choosesByCount, {
    absent: false,
    right: ["true", true],
    wrong: [`»"yes"`, `${TRUE_FALSE} "yes"`],
  }),
  row("berth.docker-labels", (c) => c.leases.readsDockerLabels, {
    absent: false,
    right: ["true", true],
    wrong: [`»0`, `${TRUE_FALSE} 0`],
  }),
];

/** A file with one key in it, on its second line. */
function fileWith(key: string, value: string): string {
  const at = key.lastIndexOf(".");
  return `${at === -1 ? "# top" : `[${key.slice(0, at)}]`}\n${key.slice(at + 1)} = ${value}\n`;
}

test("every key that is read has its row here", () => {
  expect(KEYS.map(({ key }) => key)).toEqual(Object.keys(DEFAULTS));
});

test.each(KEYS)("$key has its default where the file has no such key", ({ of, absent }) => {
  expect(of(files.load(""))).toEqual(absent);
});

test.each(KEYS)("$key is read", ({ key, of, right: [text, value] }) => {
  const config = files.load(fileWith(key, text));
  expect(of(config)).toEqual(value);
  expect(config.warnings).toEqual([]);
});

test.each(KEYS)("$key of a wrong value is refused with line, column and what is allowed", (each) => {
  const [text, fault] = each.wrong;
  const column = each.key.slice(each.key.lastIndexOf(".") + 1).length + " = ".length + text.indexOf("»") + 1;
  const message = `Cannot use the configuration "${files.path}", line 2, column ${column}: "${each.key}" ${fault}`;
  expect(messageOf(() => files.load(fileWith(each.key, text.replace("»", ""))))).toBe(message);
});

test.each([
  ["a mode that is empty", "nvidia-container-runtime.mode", `""`, "a mode must be specified: "],
  ["an ldconfig that is empty", "nvidia-container-cli.ldconfig", `""`, `begins with "@"`],
  ["a limit below nothing", "berth.lease-limit", "-1", "whole number"],
  ["half a GPU as a limit", "berth.lease-limit", "0.5", "whole number"],
  ["a relative root of berth's", "berth.root", `"sim"`, "absolute"],
  ["a variable with an equals sign", "swarm-resource", `"A=1"`, `holds "A=1"`],
  ["a kind with two slashes", "nvidia-container-runtime.modes.cdi.default-kind", `"a/b/c"`, "CDI kind"],
  ["a vendor that begins with a digit", "nvidia-container-runtime.modes.cdi.default-kind", `"1a/b"`, "CDI kind"],
  ["a class that ends with a dot", "nvidia-container-runtime.modes.cdi.default-kind", `"a/b."`, "CDI kind"],
  ["none as a capability", "supported-driver-capabilities", `"none"`, `holds "none"`],
  ["a number as a table", "features", "1", `"features" must be a table, and is 1`],
  ["a date as a table", "nvidia-container-runtime.modes.cdi", "1979-05-27", `must be a table, and is "1979-05-27"`],
  ["a table as a value", "nvidia-container-runtime.mode", "{csv = 1}", `must be a string, and is {"csv":1}`],
  ["a list of tables as a table", "nvidia-ctk", `[{path = "x"}]`, `must be a table, and is [{"path":"x"}]`],
])("%s is refused", (_what, key, value, part) => {
  const run = () => files.load(fileWith(key, value));
  expect(run).toThrow(expect.objectContaining({ code: "BERTH-C002", message: expect.stringContaining(part) }));
});

test("the remedy is one thing to do: the message has key, file, place and allowed values", () => {
  const remedy = "mend that line, or take it out to use the default";
  expect(() => files.load("disable-require = 1")).toThrow(expect.objectContaining({ remedy }));
});

test("all in supported-driver-capabilities is every capability, and an empty text is none", () => {
  expect(files.load("supported-driver-capabilities = 'all'").supportedDriverCapabilities).toEqual(ALL);
  expect(files.load("supported-driver-capabilities = ''").supportedDriverCapabilities).toEqual([]);
});

test("ldconfig may be the container's only where the file says so", () => {
  const text = "[features]\nallow-ldconfig-from-container = true\n[nvidia-container-cli]\nldconfig = '/sbin/ldconfig'";
  expect(files.load(text).cli.ldconfig).toBe("/sbin/ldconfig");
});

test("keys named like parts of a prototype change no object", () => {
  const text = "[__proto__]\nroot = '/x'\n[constructor.prototype]\nroot = '/x'\n[berth.__proto__]\nroot = '/x'";
  expect(files.load(text).root).toBe("/");
  expect(Object.hasOwn(Object.prototype, "root")).toBe(false);
});
