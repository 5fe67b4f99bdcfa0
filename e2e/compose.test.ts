import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { appendFileSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { debianTree } from "./images/debian.ts";
import { importImage, startDocker, type Docker } from "./lib/daemon.ts";
import { describeWith } from "./lib/gate.ts";
import { must, type Output } from "./lib/run.ts";
import { Scope, waitFor } from "./lib/scope.ts";
import { listing, pick, simHost, type SimHost } from "./lib/sim-host.ts";

const LOG_MS = 10_000;
const DOCS = join(import.meta.dir, "../docs");
const FILES = readdirSync(join(DOCS, "compose"));
/** Whose containers stay, each with GPUs that nobody else has. */
const KEEPING = FILES.filter((name) => /^(?:idle|optional)/.test(name));

describeWith(["docker", "dockerd", "docker-compose", "debootstrap", "busybox"], "docker compose up", () => {
  let scope: Scope;
  let host: SimHost;
  let docker: Docker;

  beforeAll(() => {
    scope = new Scope("compose");
    host = simHost(scope, "h100x8");
    // A start then needs no second to see which GPUs are idle.
    appendFileSync(host.configPath, "lease-unchecked = true\n");
    const specs = scope.folder("specs");
    must([join(host.bin, "berth"), "cdi", "generate", "--output", join(specs, "nvidia.yaml")]);
    const settings = { features: { cdi: true }, "cdi-spec-dirs": [specs] };
    docker = startDocker(scope, { runtime: host.runtime, settings, path: host.bin, hasNetworks: true });
    importImage(docker, debianTree(), "ubuntu:24.04");
  }, 600_000);

  afterAll(() => scope.close());

  function compose(project: string, files: readonly string[], ...words: readonly string[]): Output {
    const named = files.flatMap((file) => ["--file", join(DOCS, "compose", file)]);
    return docker.run("compose", ...named, "--project-name", project, ...words);
  }

  /** What each container of a service has written. */
  function said(project: string, service: string): readonly string[] {
    const labels = { project, service };
    const filters = Object.entries(labels).flatMap(([key, value]) => [
      "--filter",
      `label=com.docker.compose.${key}=${value}`,
    ]);
    const ids = docker.must("ps", "--all", "--quiet", ...filters).split("\n");
    return ids.map((id) =>
      waitFor(
        () => docker.must("logs", id) || undefined,
        LOG_MS,
        () => `${service} has written nothing`,
      ),
    );
  }

  const gpus = (...indices: readonly number[]): string => listing(pick(host, ...indices)).trimEnd();

  describe("with GPUs that are named", () => {
    beforeAll(() => {
      const files = FILES.filter((name) => !KEEPING.includes(name));
      expect(compose("named", files, "up")).toMatchObject({ status: 0 });
    }, 60_000);

    test.each<readonly [how: string, service: string, indices: readonly number[]]>([
      ["a count gives as many GPUs as it says", "two", [0, 1]],
      ["the count all gives every one", "every", [0, 1, 2, 3, 4, 5, 6, 7]],
      ["device_ids give the service its own", "third", [3]],
      ["several device_ids give these", "others", [0, 5]],
      ["berth as the runtime goes by the service's variables", "by-runtime", [2, 4]],
      ["CDI devices are given, and no other", "by-cdi", [1, 6]],
    ])("%s", (_how, service, indices) => {
      expect(said("named", service)).toEqual([gpus(...indices)]);
    });
  });

  test("gives each replica an idle GPU of its own, by device_ids, by the runtime and where it is optional", () => {
    expect(compose("idle", KEEPING, "up", "--detach")).toMatchObject({ status: 0 });
    const each = ["train", "serve", "perhaps"].map((service) => said("idle", service));
    expect(each.map((lines) => lines.length)).toEqual([3, 3, 1]);
    const given = each.flat();
    for (const line of given) expect(host.gpus.map((gpu) => listing([gpu]).trimEnd())).toContain(line);
    expect(new Set(given).size).toBe(7);
    const more = compose("idle", KEEPING, "up", "--detach", "--no-recreate", "--scale", "train=5");
    expect(more.status).not.toBe(0);
    expect(more.stderr).toContain("BERTH-A002");
    expect(compose("idle", KEEPING, "down", "--timeout", "0")).toMatchObject({ status: 0 });
  });

  test.each(FILES)("docs/compose.md shows %s as it was run", (file) => {
    const text = readFileSync(join(DOCS, "compose", file), "utf8");
    expect(readFileSync(join(DOCS, "compose.md"), "utf8")).toContain(`\`\`\`yaml\n${text}\`\`\`\n`);
  });
});
