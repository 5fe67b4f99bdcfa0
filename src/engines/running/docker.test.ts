import { afterAll, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { askDocker, readInfo, type AskedDocker } from "./docker.ts";
import { dockerEndpoint } from "./docker-endpoint.ts";
import type { RunningScene } from "./running.ts";

const work = mkdtempSync(join(tmpdir(), "berth-running-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));
mkdirSync(join(work, "proc"));

const scene = (env: Readonly<Record<string, string>>, timeoutMs = 5000): RunningScene => {
  const all: Readonly<Record<string, string>> = { HOME: work, ...env };
  return { root: "/", env: (name) => all[name], timeoutMs, proc: join(work, "proc") };
};

/** What dockerd 28.3 answers to GET /info, without what is not read. */
const INFO = {
  ContainersRunning: 2,
  CgroupDriver: "systemd",
  CgroupVersion: "2",
  OperatingSystem: "Debian GNU/Linux 13 (trixie)",
  ServerVersion: "28.3.0+dfsg1",
  DockerRootDir: "/var/lib/docker",
  Runtimes: { nvidia: { path: "/opt/berth/bin/nvidia-container-runtime" }, runc: { path: "runc", status: {} } },
  DefaultRuntime: "runc",
  LiveRestoreEnabled: true,
  SecurityOptions: ["name=apparmor", "name=seccomp,profile=builtin"],
  CDISpecDirs: ["/etc/cdi", "/var/run/cdi"],
  DiscoveredDevices: [
    { Source: "cdi", ID: "nvidia.com/gpu=0" },
    { Source: "other", ID: "x" },
  ],
  GenericResources: [
    { NamedResourceSpec: { Kind: "NVIDIA-GPU", Value: "GPU-1" } },
    { NamedResourceSpec: { Kind: "NVIDIA-GPU", Value: "GPU-2" } },
    { DiscreteResourceSpec: { Kind: "disks", Value: 2 } },
  ],
};

/** What `askDocker` says of a daemon that answers so. */
async function askOne(answer: () => Response | Promise<Response>, timeoutMs?: number): Promise<AskedDocker> {
  const unix = join(work, "socket");
  const server = Bun.serve({ unix, fetch: answer });
  try {
    return await askDocker(scene({ DOCKER_HOST: `unix://${unix}` }, timeoutMs));
  } finally {
    await server.stop(true);
  }
}

const why = (asked: AskedDocker): string => (asked.isGood ? "it is good" : asked.why);

test("a dockerd says its runtimes, CDI folders and devices, and how its containers are kept", async () => {
  const asked = await askOne(() => Response.json(INFO));
  expect(asked).toEqual({
    isGood: true,
    engine: {
      endpoint: `unix://${work}/socket`,
      context: undefined,
      kind: "system",
      version: "28.3.0",
      runtimes: new Map([
        ["nvidia", "/opt/berth/bin/nvidia-container-runtime"],
        ["runc", "runc"],
      ]),
      defaultRuntime: "runc",
      cdiSpecDirs: ["/etc/cdi", "/var/run/cdi"],
      cdiDevices: ["nvidia.com/gpu=0"],
      genericResources: ["NVIDIA-GPU=GPU-1", "NVIDIA-GPU=GPU-2", "disks=2"],
      cgroupDriver: "systemd",
      cgroupVersion: "2",
      securityOptions: ["name=apparmor", "name=seccomp,profile=builtin"],
      isLiveRestore: true,
      containersRunning: 2,
      operatingSystem: "Debian GNU/Linux 13 (trixie)",
      dataRoot: "/var/lib/docker",
      process: undefined,
      configFile: undefined,
    },
  });
});

test("a dockerd that answers nothing, or nonsense, is a reason and never an error", async () => {
  expect(why(await askOne(() => Response.json({}, { status: 500 })))).toBe("it answered 500: {}");
  expect(why(await askOne(() => new Response("\u001b[2J<html>")))).toBe("its answer is no JSON");
  expect(why(await askOne(() => Response.json([])))).toBe("its answer is no object");
  expect(why(await askOne(() => new Promise(() => {}), 100))).toBe("it did not answer within 0.1 seconds");
  const odd = await askOne(() =>
    Response.json({ Runtimes: 1, CDISpecDirs: {}, DiscoveredDevices: null, ServerVersion: [] }),
  );
  expect(odd).toMatchObject({ isGood: true, engine: { version: "", cdiSpecDirs: [], cdiDevices: undefined } });
});

test("an answer without an end is not taken into memory", async () => {
  let sent = 0;
  const blank = new Uint8Array(1024 * 1024).fill(32);
  const pull = (stream: ReadableStreamDefaultController): void => {
    sent += blank.length;
    if (sent > 256 * blank.length) stream.close();
    else stream.enqueue(blank);
  };
  const asked = await askOne(() => new Response(new ReadableStream({ pull })), 20_000);
  expect(why(asked)).toBe("its answer has more than 16777216 bytes");
  expect(sent).toBeLessThan(256 * blank.length);
});

test("a socket that takes a call and says nothing is given up in time", async () => {
  const path = join(work, "mute");
  const server = createServer(() => {}).listen(path);
  await new Promise((resolve) => server.once("listening", resolve));
  expect(why(await askDocker(scene({ DOCKER_HOST: `unix://${path}` }, 100)))).toBe(
    "it did not answer within 0.1 seconds",
  );
  server.close();
});

test("a socket that is not there, or that nobody listens on, says so with the place that was asked", async () => {
  const place = { endpoint: `unix://${work}/none`, context: undefined };
  expect(await askDocker(scene({ DOCKER_HOST: place.endpoint }))).toEqual({
    isGood: false,
    why: `there is no "${work}/none": the daemon does not run, or listens elsewhere`,
    place,
    process: undefined,
  });
  writeFileSync(join(work, "file"), "");
  const dead = await askDocker(scene({ DOCKER_HOST: `unix://${work}/file` }));
  expect(why(dead)).toBe(`nobody listens on "${work}/file": the daemon has ended`);
});

test("the forms of Docker are told apart", () => {
  const kind = (info: object, endpoint = "unix:///var/run/docker.sock", context?: string): string => {
    return readInfo({ ...INFO, ...info }, { endpoint, context }, undefined).kind;
  };
  expect(kind({})).toBe("system");
  expect(kind({ SecurityOptions: ["name=seccomp,profile=builtin", "name=rootless", "name=cgroupns"] })).toBe(
    "rootless",
  );
  expect(kind({ DockerRootDir: "/var/snap/docker/common/var-lib-docker" })).toBe("snap");
  expect(kind({ OperatingSystem: "Docker Desktop" })).toBe("desktop");
  expect(kind({}, "unix:///home/a/.docker/desktop/docker.sock", "desktop-linux")).toBe("desktop");
  expect(kind({}, "ssh://a@b")).toBe("remote");
  expect(kind({}, "tcp://10.0.0.1:2376")).toBe("remote");
});

test("the daemon is the one that the caller's client would speak to", () => {
  const meta = join(work, ".docker/contexts/meta", createHash("sha256").update("lab").digest("hex"));
  mkdirSync(meta, { recursive: true });
  writeFileSync(
    join(meta, "meta.json"),
    JSON.stringify({ Name: "lab", Endpoints: { docker: { Host: "ssh://gpu@lab" } } }),
  );
  expect(dockerEndpoint(scene({}))).toEqual({ endpoint: "unix:///var/run/docker.sock", context: "default" });
  writeFileSync(join(work, ".docker/config.json"), JSON.stringify({ currentContext: "lab" }));
  expect(dockerEndpoint(scene({}))).toEqual({ endpoint: "ssh://gpu@lab", context: "lab" });
  expect(dockerEndpoint(scene({ DOCKER_CONTEXT: "default" }))).toMatchObject({ context: "default" });
  expect(dockerEndpoint(scene({ DOCKER_HOST: "unix:///a", DOCKER_CONTEXT: "lab" }))).toEqual({
    endpoint: "unix:///a",
    context: undefined,
  });
  expect(dockerEndpoint(scene({ DOCKER_CONTEXT: "gone" }))).toBe(
    `its client is to use the context "gone", which is not in "${work}/.docker"`,
  );
  writeFileSync(join(work, ".docker/config.json"), "{");
  expect(dockerEndpoint(scene({}))).toMatch(/^".*config\.json" cannot be read: /);
});
