import { expect, test } from "bun:test";
import type { Host } from "../host/index.ts";
import { readRequest } from "../request/index.ts";
import { makeSource } from "../request/source.test-helper.ts";
import { fakeHost, fakeNode } from "./fake-host.test-helper.ts";
import { decide, type Decision, type Policy } from "./index.ts";
import { POLICY } from "./policy.test-helper.ts";

const NONE = { nodes: [], files: [] };
const host: Host = fakeHost(2, {
  imexChannels: [0, 1, 7].map((channel) => fakeNode(`/dev/nvidia-caps-imex-channels/channel${channel}`, 240, channel)),
  features: {
    gds: { nodes: [fakeNode("/dev/nvidia-fs0", 240, 0)], files: [] },
    gdrcopy: NONE,
    mofed: NONE,
    nvswitch: NONE,
  },
});

interface Case {
  readonly mounts?: readonly string[];
  readonly bounding?: readonly string[];
  readonly policy?: Partial<Policy>;
}

function ask(env: readonly string[], { mounts = [], bounding = [], policy = {} }: Case = {}): Decision {
  const source = makeSource({ env: ["NVIDIA_VISIBLE_DEVICES=0", ...env], mounts, bounding });
  return decide(readRequest(source), host, { ...POLICY, ...policy });
}

function grantOf(...args: Parameters<typeof ask>) {
  const decision = ask(...args);
  if (decision.kind !== "granted") throw new Error(JSON.stringify(decision));
  return decision.grant;
}

const channels = (...args: Parameters<typeof ask>) => grantOf(...args).imexChannels.map(({ node }) => node.minor);

test("IMEX channels that exist are given", () => {
  expect(channels(["NVIDIA_IMEX_CHANNELS=0,channel7"])).toEqual([0, 7]);
});

test("an IMEX channel that does not exist is refused, with those that do", () => {
  expect(ask(["NVIDIA_IMEX_CHANNELS=2"])).toMatchObject({
    kind: "refused",
    problem: {
      code: "BERTH-R005",
      message: "Cannot give the IMEX channel 2 (NVIDIA_IMEX_CHANNELS=2): this host has only 0, 1, 7",
    },
  });
});

test("IMEX requests do not count where config.toml says so, and that is said", () => {
  const grant = grantOf(["NVIDIA_IMEX_CHANNELS=0"], { policy: { ignoreImexChannelRequests: true } });
  expect(grant.imexChannels).toEqual([]);
  expect(grant.warnings).toEqual([
    "NVIDIA_IMEX_CHANNELS=0 does not count: config.toml says ignore-imex-channel-requests",
  ]);
});

test("a feature that exists is given; one that this host lacks is a warning", () => {
  const grant = grantOf(["NVIDIA_GDS=enabled", "NVIDIA_MOFED=enabled"]);
  expect(grant.features.map(({ name, files }) => [name, files.nodes.length])).toEqual([["gds", 1], ["mofed", 0]]); // prettier-ignore
  expect(grant.warnings).toEqual(["NVIDIA_MOFED=enabled: this host has no such device"]);
});

test("a feature takes nothing away: the GPUs come all the same", () => {
  expect(grantOf(["NVIDIA_GDS=enabled"]).gpus).toHaveLength(1);
});

test.each(["NVIDIA_MIG_CONFIG_DEVICES=all", "NVIDIA_MIG_MONITOR_DEVICES=all"])(
  "%s takes a privileged container",
  (variable) => {
    expect(ask([variable])).toMatchObject({ kind: "refused", problem: { code: "BERTH-R008" } });
    expect(grantOf([variable], { bounding: ["CAP_SYS_ADMIN"] }).migControl).toHaveLength(1);
  },
);

test("MIG control without its node is refused", () => {
  const request = readRequest(
    makeSource({ env: ["NVIDIA_VISIBLE_DEVICES=0", "NVIDIA_MIG_CONFIG_DEVICES=all"], bounding: ["CAP_SYS_ADMIN"] }),
  );
  expect(decide(request, { ...host, migControl: {} }, POLICY)).toMatchObject({
    kind: "refused",
    problem: { code: "BERTH-D003" },
  });
});
