import { afterAll, expect, test } from "bun:test";
import { configFolder } from "./load-config.test-helper.ts";

const files = configFolder();
afterAll(() => files[Symbol.dispose]());

const BY_DEFAULT = {
  useAdditionalGids: true,
  useForwardCompatibility: true,
  useApplicationProfile: true,
  mountsSockets: true,
  mountsExplicitLibraries: false,
  ignoreImexChannelRequests: false,
};

const FLAGS = "nvidia-container-runtime.modes.jit-cdi.nvcdi-feature-flags";
const HOOKS = "nvidia-container-runtime.modes.jit-cdi.nvcdi-disable-hooks";
const MODE = "nvidia-container-runtime.mode";
const COMPAT = "nvidia-container-runtime.modes.legacy.cuda-compat-mode";

test.each([
  [[], {}],
  [["features.no-additional-gids-for-device-nodes = true"], { useAdditionalGids: false }],
  [[`${FLAGS} = ["no-additional-gids-for-device-nodes"]`], { useAdditionalGids: false }],
  [["features.disable-cuda-compat-lib-hook = true"], { useForwardCompatibility: false }],
  [[`${HOOKS} = ["enable-cuda-compat"]`], { useForwardCompatibility: false }],
  [[`${HOOKS} = ["all"]`], { useForwardCompatibility: false, useApplicationProfile: false }],
  [[`${HOOKS} = ["update-application-profile"]`], { useApplicationProfile: false }],
  [[`${HOOKS} = ["create-symlinks", "chmod", "update-ldcache", "disable-device-node-modification"]`], {}],
  [[`${MODE} = "legacy"`], {}],
  [[`${MODE} = "legacy"`, `${COMPAT} = "hook"`], {}],
  [[`${MODE} = "legacy"`, `${COMPAT} = "mount"`], {}],
  [[`${MODE} = "legacy"`, `${COMPAT} = "disabled"`], { useForwardCompatibility: false }],
  [[`${MODE} = "legacy"`, `${COMPAT} = ""`], { useForwardCompatibility: false }],
  [[`${MODE} = "legacy"`, `${COMPAT} = ""`, "features.allow-cuda-compat-libs-from-container = true"], {}],
  [
    [`${MODE} = "legacy"`, `${COMPAT} = "disabled"`, "features.allow-cuda-compat-libs-from-container = true"],
    { useForwardCompatibility: false },
  ],
  [[`${COMPAT} = "disabled"`], {}],
  [[`${MODE} = "jit-cdi"`, `${COMPAT} = ""`], {}],
  [[`${FLAGS} = ["disable-ipc-discoverer"]`], { mountsSockets: false }],
  [[`${FLAGS} = ["enable-explicit-driver-libraries"]`], { mountsExplicitLibraries: true }],
  [["features.ignore-imex-channel-requests = true"], { ignoreImexChannelRequests: true }],
])("%j changes %j, and no other switch", (lines, changed) => {
  expect(files.load(lines.join("\n"))).toMatchObject({ ...BY_DEFAULT, ...changed });
});
