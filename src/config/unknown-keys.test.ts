import { afterAll, expect, test } from "bun:test";
import { configFolder } from "./load-config.test-helper.ts";

const files = configFolder();
afterAll(() => files[Symbol.dispose]());

test.each([
  ["disable-requires = true", "disable-requires", "disable-require"],
  ["Disable-Require = true", "Disable-Require", "disable-require"],
  ["[nvidia-container-cil]\nroot = '/x'", "nvidia-container-cil", "nvidia-container-cli"],
  ["[nvidia-container-runtime]\nmdoe = 'cdi'", "nvidia-container-runtime.mdoe", "nvidia-container-runtime.mode"],
  [
    "[nvidia-container-runtime.modes.jit_cdi]\nx = 1",
    "nvidia-container-runtime.modes.jit_cdi",
    "nvidia-container-runtime.modes.jit-cdi",
  ],
  [
    "nvidia-container-runtime.modes.cdi.spec-dir = ['/x']",
    "nvidia-container-runtime.modes.cdi.spec-dir",
    "nvidia-container-runtime.modes.cdi.spec-dirs",
  ],
  [
    "features = {ignore-imex-channels-requests = true}",
    "features.ignore-imex-channels-requests",
    "features.ignore-imex-channel-requests",
  ],
  ["[berht]\nroot = '/x'", "berht", "berth"],
  ["[berth]\nrooot = '/x'", "berth.rooot", "berth.root"],
])("%j is a warning that says what may be meant", (text, key, meant) => {
  expect(files.load(text).warnings).toEqual([
    `"${key}" in "${files.path}" is no key that is known, and is ignored: did you mean "${meant}"?`,
  ]);
});

test("in berth's own table every unknown key is a warning", () => {
  expect(files.load("[berth]\ncolour = 'blue'\n[berth.sub]\nx = 1").warnings).toEqual([
    `"berth.colour" in "${files.path}" is no key that is known, and is ignored`,
    `"berth.sub" in "${files.path}" is no key that is known, and is ignored`,
  ]);
});

test.each([
  "x = 1\n[tool]\ny = 1979-05-27",
  "[features]\ngds = true\nmofed = true\nnvswitch = true\ngdrcopy = true",
  "[nvidia-container-runtime]\nexperimental = true\ndiscover-mode = 'legacy'",
  "[nvidia-container-runtime.modes.jit-cdi]\nnvcdi-enable-hooks = ['chmod']\nload-kernel-modules = []",
  "[nvidia-container-cli]\nnode = 1\nldcaches-of-old = 'x'",
])("%j is another toolkit's matter, and let be in silence", (text) => {
  expect(files.load(text).warnings).toEqual([]);
});
