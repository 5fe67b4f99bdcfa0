import { afterAll, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { dockerKind } from "./checks/docker-kind.ts";
import { ask, makeHosts, put, say } from "./examine.test-helper.ts";

const hosts = makeHosts("docker");
afterAll(hosts.remove);

/** What the check says to a user with these variables. */
async function look(env: Readonly<Record<string, string>>): Promise<string> {
  return say(await ask(dockerKind, { ...hosts.input("/"), env: (name) => env[name] }), hosts.work);
}

/** A daemon that says this of itself; what cannot be installed here has to be imitated. */
async function withDaemon<T>(info: object, use: (endpoint: string) => Promise<T>): Promise<T> {
  const socket = join(hosts.work, "docker.sock");
  const server = Bun.serve({ unix: socket, fetch: () => Response.json({ ServerVersion: "27.3.1", ...info }) });
  try {
    return await use(`unix://${socket}`);
  } finally {
    await server.stop(true);
  }
}

test("Docker Desktop is a failure: its virtual machine has none of the GPUs", async () => {
  const said = await withDaemon({ OperatingSystem: "Docker Desktop" }, (host) => look({ DOCKER_HOST: host }));
  expect(said).toStartWith(
    'fail BERTH-H010: Docker Desktop 27.3.1 answers by "unix://ROOT/docker.sock": its containers run in a virtual machine, which has none of these GPUs => ',
  );
  expect(said).toContain("docker context use default");
});

test("a snap is a warning, and a rootless daemon none", async () => {
  const snap = { DockerRootDir: "/var/snap/docker/common/var-lib-docker" };
  expect(await withDaemon(snap, (host) => look({ DOCKER_HOST: host }))).toStartWith(
    "warning BERTH-H010: the dockerd behind ",
  );
  const rootless = { SecurityOptions: ["name=seccomp,profile=builtin", "name=rootless"] };
  expect(await withDaemon(rootless, (host) => look({ DOCKER_HOST: host }))).toBe(
    'pass: a rootless dockerd 27.3.1, by "unix://ROOT/docker.sock"',
  );
});

test("a context that leads nowhere hides the machine's own daemon, and that is a failure with its name", async () => {
  const name = "desktop-linux";
  const config = join(hosts.work, "config");
  put(join(config, "config.json"), JSON.stringify({ currentContext: name }));
  const hash = createHash("sha256").update(name).digest("hex");
  const endpoint = "unix:///home/alice/.docker/desktop/docker.sock";
  put(
    join(config, "contexts/meta", hash, "meta.json"),
    JSON.stringify({ Name: name, Endpoints: { docker: { Host: endpoint } } }),
  );
  expect(await look({ DOCKER_CONFIG: config })).toStartWith(
    `fail BERTH-H010: docker's context "${name}" leads to "${endpoint}", where nobody answers: `,
  );
});

test("a machine without Docker has nothing to be looked at", async () => {
  expect(await look({ DOCKER_HOST: "unix:///nonexistent/docker.sock" })).toStartWith("skip: ");
});
