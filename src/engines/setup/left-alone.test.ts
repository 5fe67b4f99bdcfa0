import { expect, test } from "bun:test";
import { readInfo, type RunningDocker } from "../running/docker.ts";
import type { DaemonProcess } from "../running/daemon-process.ts";
import { whyLeftAlone } from "./left-alone.ts";
import type { SetupTarget } from "./setup-site.ts";

const ENDPOINT = "unix:///run/user/1000/docker.sock";
const daemon: DaemonProcess = { pid: 7, startedAt: "1", uid: 1000, program: "/usr/bin/dockerd", args: [], cwd: "/" };

/** Docker as a target, whose daemon is this process. */
function target(process: DaemonProcess | undefined, info: Readonly<Record<string, unknown>>): SetupTarget {
  const docker: RunningDocker = {
    ...readInfo(info, { endpoint: ENDPOINT, context: undefined }, process),
    process,
    configFile: undefined,
  };
  const rest = { title: "docker", fileRoot: "/", facts: { release: undefined }, program: undefined, clientEnv: {} };
  return { ...rest, engine: "docker", daemon: process, docker };
}

test("the daemon of another user, which runs without root, is that user's to set up: the machine's file is not its", () => {
  const rootless = { SecurityOptions: ["name=rootless"] };
  expect(whyLeftAlone(target(undefined, rootless), true)?.message).toBe(
    `Cannot set up docker: the daemon behind "${ENDPOINT}" is another user's, without root`,
  );
  expect(whyLeftAlone(target(daemon, rootless), true)).toBeUndefined();
  expect(whyLeftAlone(target(daemon, {}), true)).toBeUndefined();
});
