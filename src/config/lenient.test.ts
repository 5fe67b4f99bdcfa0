import { afterAll, expect, test } from "bun:test";
import { configFolder } from "./load-config.test-helper.ts";
import { FEATURE_FLAGS, HOOK_NAMES } from "./names.ts";

const files = configFolder();
afterAll(() => files[Symbol.dispose]());

const FLAGS = "nvidia-container-runtime.modes.jit-cdi.nvcdi-feature-flags";
const HOOKS = "nvidia-container-runtime.modes.jit-cdi.nvcdi-disable-hooks";

test.each([
  ["trace", "trace"],
  ["Debug", "debug"],
  ["info", "info"],
  ["warn", "warning"],
  ["warning", "warning"],
  ["error", "error"],
  ["fatal", "error"],
  ["PANIC", "error"],
] as const)("the log level %s is %s", (text, level) => {
  const config = files.load(`nvidia-container-runtime.log-level = '${text}'`);
  expect(config).toMatchObject({ logLevel: level, warnings: [] });
});

test.each([
  ["loud", ""],
  ["inof", `: did you mean "info"?`],
])("the log level %s is info and a warning, no failure", (text, meant) => {
  const config = files.load(`nvidia-container-runtime.log-level = '${text}'`);
  const what = `"nvidia-container-runtime.log-level" in "${files.path}" is "${text}"`;
  expect(config.logLevel).toBe("info");
  expect(config.warnings).toEqual([`${what}, which is no log level, and "info" is used${meant}`]);
});

test("every known feature flag and every known hook is kept", () => {
  const config = files.load(`${FLAGS} = ${JSON.stringify(FEATURE_FLAGS)}\n${HOOKS} = ${JSON.stringify(HOOK_NAMES)}`);
  expect(config.modes.jitCdiFeatureFlags).toEqual(new Set(FEATURE_FLAGS));
  expect(config.modes.jitCdiDisableHooks).toEqual(new Set(HOOK_NAMES));
  expect(config.warnings).toEqual([]);
});

test("the hook all is every hook", () => {
  expect(files.load(`${HOOKS} = ["all"]`).modes.jitCdiDisableHooks).toEqual(new Set(HOOK_NAMES));
});

test("an unknown feature flag or hook is left out with a warning that says which one may be meant", () => {
  const config = files.load(`${FLAGS} = ["disable-ipc-discovery", "x"]\n${HOOKS} = ["chmdo", "chmod", "chmdo"]`);
  expect(config.modes.jitCdiFeatureFlags).toEqual(new Set());
  expect(config.modes.jitCdiDisableHooks).toEqual(new Set(["chmod"] as const));
  expect(config.warnings).toEqual([
    `"${FLAGS}" in "${files.path}" holds "disable-ipc-discovery", which is unknown and ignored: did you mean "disable-ipc-discoverer"?`,
    `"${FLAGS}" in "${files.path}" holds "x", which is unknown and ignored`,
    `"${HOOKS}" in "${files.path}" holds "chmdo", which is unknown and ignored: did you mean "chmod"?`,
  ]);
});
