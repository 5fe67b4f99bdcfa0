import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { listContainerd, listCrio } from "./index.ts";

const POD_ID = "4f0c1f6f1f7b2d5a7f3a9e1b6c8d0e2f4a6b8c0d1e3f5a7b9c1d3e5f7a9b1c3d";
const NERDCTL_ID = "a".repeat(64);
const BROKEN_ID = "b".repeat(64);
const UNASKED_ID = "c".repeat(64);

const K3S_ID = "e".repeat(64);

let root = "";
const write = (path: string, text: string): void => {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
};

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "berth-bundles-"));
  const tasks = "run/containerd/io.containerd.runtime.v2.task";
  const kubernetes = {
    "io.kubernetes.cri.container-name": "trainer",
    "io.kubernetes.cri.image-name": "registry.example/train:3",
    "io.kubernetes.cri.sandbox-name": "train-0",
    "io.kubernetes.cri.sandbox-namespace": "ml",
  };
  write(`${tasks}/k8s.io/${POD_ID}/config.json`, JSON.stringify({ annotations: kubernetes }));
  const nerdctl = { "nerdctl/name": "web-1", "com.docker.compose.project": "shop", number: 1 };
  write(`${tasks}/default/${NERDCTL_ID}/config.json`, JSON.stringify({ annotations: nerdctl }));
  write(`${tasks}/default/${BROKEN_ID}/config.json`, "{");
  write(`${tasks}/default/${UNASKED_ID}/config.json`, JSON.stringify({ annotations: nerdctl }));
  write(`${tasks}/moby/${"d".repeat(64)}/config.json`, "{}");
  write(
    `run/k3s/containerd/io.containerd.runtime.v2.task/k8s.io/${K3S_ID}/config.json`,
    JSON.stringify({ annotations: kubernetes }),
  );
  const crio = {
    "io.kubernetes.container.name": "main",
    "io.kubernetes.pod.name": "infer-1",
    "io.kubernetes.pod.namespace": "prod",
    "io.kubernetes.cri-o.ImageName": "registry.example/infer:1",
  };
  write(
    `run/containers/storage/overlay-containers/${POD_ID}/userdata/config.json`,
    JSON.stringify({ annotations: crio }),
  );
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

test("names of containerd's containers are those of Kubernetes and nerdctl, by the bundle on its disk", () => {
  const [listing] = listContainerd(root, new Set([POD_ID, NERDCTL_ID, BROKEN_ID, K3S_ID]));
  const named = (id: string) => listing?.containers.find((each) => each.id === id);
  expect(named(POD_ID)).toMatchObject({
    name: "trainer",
    image: "registry.example/train:3",
    pod: { name: "train-0", namespace: "ml" },
  });
  expect(named(K3S_ID)).toMatchObject({ name: "trainer" });
  expect(named(NERDCTL_ID)).toMatchObject({ name: "web-1", project: "shop", pod: undefined });
});

test("a container of containerd whose bundle says nothing, or that nobody asked about, is listed by its id", () => {
  const [listing] = listContainerd(root, new Set([BROKEN_ID]));
  for (const id of [BROKEN_ID, UNASKED_ID])
    expect(listing?.containers.find((each) => each.id === id)).toMatchObject({ id, name: undefined });
});

test("what Docker has in containerd is left to Docker", () => {
  expect(listContainerd(root, new Set())[0]?.containers.map(({ id }) => id[0]).toSorted()).toEqual(["4", "a", "b", "c", "e"]); // prettier-ignore
});

test("names of cri-o's containers are those of Kubernetes", () => {
  expect(listCrio(root, new Set([POD_ID]))[0]?.containers).toMatchObject([
    { name: "main", image: "registry.example/infer:1", pod: { name: "infer-1", namespace: "prod" } },
  ]);
});

test("an engine whose folder is not there has no listing, which is not the same as an empty one", () => {
  expect([listContainerd("/nowhere", new Set()), listCrio("/nowhere", new Set())]).toEqual([[], []]);
});
