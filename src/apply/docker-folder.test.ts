import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig, type Config } from "../config/index.ts";
import type { Bundle } from "../oci/index.ts";
import { readDockerRecord } from "./docker-folder.ts";
import { readNames } from "./lease-names.ts";
import { readRecorded } from "./recorded.ts";

const ID = "5e1f".repeat(16);
const CONFIG = loadConfig({ get: () => undefined }, "/nonexistent/config.toml");

let root = "";
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "berth-docker-"));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

interface Kept {
  readonly labels?: Readonly<Record<string, string>>;
  readonly requests?: unknown;
  /** NVIDIA_VISIBLE_DEVICES of the spec. */
  readonly devices?: string;
}

/** A bundle as Docker makes it, and what Docker keeps of its container. */
function bundleOf({ labels = {}, requests = null, devices = "0,1" }: Kept): Bundle {
  const folder = join(root, "containers", ID);
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(folder, "config.v2.json"),
    JSON.stringify({ Name: "/web", Config: { Image: "cuda:12", Labels: labels } }),
  );
  writeFileSync(join(folder, "hostconfig.json"), JSON.stringify({ DeviceRequests: requests }));
  const spec = {
    process: { env: [`NVIDIA_VISIBLE_DEVICES=${devices}`] },
    mounts: [{ destination: "/etc/hosts", type: "bind", source: join(folder, "hosts") }],
  };
  return { dir: "/b", configPath: "/b/config.json", bytes: new Uint8Array(), spec };
}

const gpus = (count: number, ids: readonly string[] | null = null) => [
  { Driver: "", Count: count, DeviceIDs: ids, Capabilities: [["gpu"]], Options: {} },
];
const switched = (switches: Partial<Config["leases"]>): Config => ({
  ...CONFIG,
  leases: { ...CONFIG.leases, ...switches },
});
const BY_COUNT = switched({ choosesByCount: true });
const BY_LABEL = switched({ readsDockerLabels: true });

test("name, image and Compose project of a container are those that Docker keeps", () => {
  const bundle = bundleOf({ labels: { "com.docker.compose.project": "shop" } });
  expect(readNames(bundle, ID)).toEqual({ engine: "docker", name: "web", image: "cuda:12", project: "shop" });
});

test("a folder that does not have the container's id is not this container's", () => {
  expect(readDockerRecord(bundleOf({}), "7".repeat(64))).toBeUndefined();
  expect(readDockerRecord(bundleOf({}), "web")).toBeUndefined();
});

test("--gpus 2 is any:2 only by the administrator's switch", () => {
  expect(readRecorded(bundleOf({ requests: gpus(2) }), ID, CONFIG)).toBeUndefined();
  expect(readRecorded(bundleOf({ requests: gpus(2) }), ID, BY_COUNT)).toEqual({ list: "any:2", text: "--gpus 2" });
});

test.each([
  ["all", { requests: gpus(-1), devices: "all" }],
  ["GPUs by their ids", { requests: gpus(0, ["0", "1"]) }],
  ["a number, and says something else in the variable", { requests: gpus(2), devices: "3" }],
  ["nothing by --gpus", {}],
  ["another driver's devices", { requests: [{ Driver: "acme", Count: 2, Capabilities: [["gpu"]] }] }],
  ["a number twice", { requests: [...gpus(2), ...gpus(1)] }],
  ["what is no list", { requests: { Count: 2 } }],
  ["what is no number", { requests: [{ Driver: "", Count: "2", Capabilities: [["gpu"]] }] }],
])("a container that asks for %s gets what it names", (_, kept) => {
  expect(readRecorded(bundleOf(kept), ID, BY_COUNT)).toBeUndefined();
});

test("the label berth.gpus asks only by the administrator's switch, and before a number", () => {
  const bundle = bundleOf({ labels: { "berth.gpus": "any:1,mem>=20G" }, requests: gpus(2) });
  expect(readRecorded(bundle, ID, CONFIG)).toBeUndefined();
  const both = switched({ choosesByCount: true, readsDockerLabels: true });
  expect(readRecorded(bundle, ID, both)).toEqual({
    list: "any:1,mem>=20G",
    text: "the label berth.gpus=any:1,mem>=20G",
  });
  expect(readRecorded(bundleOf({ labels: { "berth.gpus": " " } }), ID, BY_LABEL)).toBeUndefined();
});

test("files that are gone or torn say nothing", () => {
  const bundle = bundleOf({ labels: { "berth.gpus": "any" } });
  writeFileSync(join(root, "containers", ID, "config.v2.json"), '{"Config": {');
  expect(readRecorded(bundle, ID, BY_LABEL)).toBeUndefined();
  rmSync(join(root, "containers", ID), { recursive: true });
  expect(readRecorded(bundle, ID, BY_LABEL)).toBeUndefined();
  expect(readNames(bundle, ID)).toEqual({ engine: "", name: "", image: "", project: "" });
});

test("containerd, cri-o and podman say their names in annotations", () => {
  const named = (annotations: Record<string, string>) => {
    return readNames({ dir: "/b", configPath: "/b/c", bytes: new Uint8Array(), spec: { annotations } }, "x");
  };
  const cri = "io.kubernetes.cri";
  expect(
    named({
      [`${cri}.container-name`]: "train",
      [`${cri}.image-name`]: "cuda:12",
      [`${cri}.sandbox-namespace`]: "ml",
    }),
  ).toEqual({ engine: "cri", name: "train", image: "cuda:12", project: "ml" });
  expect(named({ [`${cri}-o.ContainerName`]: "train", "io.kubernetes.pod.namespace": "ml" })).toMatchObject({
    engine: "cri",
    name: "train",
    project: "ml",
  });
  expect(named({ "org.opencontainers.image.stopSignal": "15" })).toMatchObject({ engine: "podman", name: "" });
});
