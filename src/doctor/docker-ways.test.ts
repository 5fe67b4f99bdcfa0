import { afterAll, expect, test } from "bun:test";
import type { RunningDocker } from "../engines/index.ts";
import { hasWay } from "./engines/docker-ways.ts";
import { makeHosts, put } from "./examine.test-helper.ts";
import { openScene } from "./scene.ts";

const hosts = makeHosts("ways");
afterAll(hosts.remove);

/** No process of the machine that the tests run on has it (proc(5): pid_max). */
const PID = 4_194_305;
const DOCKER: RunningDocker = {
  kind: "system",
  version: "27.3.1",
  endpoint: "unix:///var/run/docker.sock",
  context: "default",
  runtimes: new Map([["runc", "runc"]]),
  defaultRuntime: "runc",
  cdiSpecDirs: [],
  cdiDevices: undefined,
  genericResources: [],
  cgroupDriver: "cgroupfs",
  cgroupVersion: "2",
  securityOptions: [],
  isLiveRestore: false,
  containersRunning: 0,
  operatingSystem: "Debian GNU/Linux 12 (bookworm)",
  dataRoot: "/var/lib/docker",
  process: { pid: PID, startedAt: "1", uid: 0, program: "/usr/bin/dockerd", args: [], cwd: "/" },
  configFile: "/etc/docker/daemon.json",
};

/** Beside a dockerd whose variables are these. */
function sceneWith(path: string) {
  return openScene(hosts.input(hosts.root({ [`proc/${PID}/environ`]: `HOME=/root\0PATH=${path}\0` })));
}

test("a dockerd without runtime, CDI and hook has no way to GPUs, and each of the three is one", () => {
  const scene = sceneWith("/nonexistent:/usr/bin");
  expect(hasWay(scene, DOCKER)).toBe(false);
  expect(hasWay(scene, { ...DOCKER, runtimes: new Map([["nvidia", "/usr/bin/x"]]) })).toBe(true);
  expect(hasWay(scene, { ...DOCKER, runtimes: new Map([["gpu", "/opt/nvidia-container-runtime.cdi"]]) })).toBe(true);
  expect(hasWay(scene, { ...DOCKER, cdiSpecDirs: ["/etc/cdi"] })).toBe(true);
  put(`${hosts.work}/path/nvidia-container-runtime-hook`, "", 0o755);
  expect(hasWay(sceneWith(`/nonexistent:${hosts.work}/path`), DOCKER)).toBe(true);
});

test("of a dockerd that cannot be looked into nothing bad is said", () => {
  expect(hasWay(openScene(hosts.input(hosts.root({}))), DOCKER)).toBe(true);
  expect(hasWay(sceneWith("/nonexistent"), { ...DOCKER, process: undefined })).toBe(true);
});
