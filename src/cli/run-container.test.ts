import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BerthError } from "../base/index.ts";
import { runCli } from "./index.ts";

const work = mkdtempSync(join(tmpdir(), "berth-cli-run-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

let count = 0;
/** A folder with clients of these names, which are never reached. */
function clients(...names: readonly string[]): string {
  const folder = join(work, String((count += 1)));
  mkdirSync(folder);
  for (const name of names) writeFileSync(join(folder, name), "#!/bin/false\n", { mode: 0o755 });
  return folder;
}

async function problemOf(words: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const ignore = (): void => undefined;
  const surroundings = { print: ignore, note: ignore, env: (name: string) => env[name] };
  try {
    await runCli(["--root", work, "run", ...words], undefined, surroundings);
    return "none";
  } catch (error) {
    const { code, message, remedy } = BerthError.from(error);
    return `${code}: ${message}; remedy: ${remedy}`.replaceAll(work, "");
  }
}

test.each([
  [["img"], 'BERTH-U001: Cannot understand "berth run img"', "put what is the engine's behind --"],
  [["--rm", "img"], 'BERTH-U001: Cannot understand "berth run --rm img"', "put what is the engine's behind --"],
  [[], "BERTH-U001: Cannot start a container: there is no image behind --", "berth run -g any:2 -- --rm IMAGE COMMAND"],
  [["--"], "BERTH-U001: Cannot start a container: there is no image behind --", ""],
  [
    ["--", "--gpus", "all", "img"],
    'BERTH-A044: Cannot start the container: which GPUs it gets is said twice, by -g and by "--gpus all"',
    "",
  ],
  [["-g", "", "--", "img"], "BERTH-U001: Cannot start a container: -g says nothing", "-g any:2"],
  [["--wait=soon", "--", "img"], 'BERTH-U001: Cannot read the time "soon"', ""],
  [["--engine", "lxc", "--", "img"], "BERTH-U001: Cannot understand", ""],
])("berth run %j is refused before anything is asked", async (words, start, rest) => {
  const problem = await problemOf(words, { PATH: clients("docker", "podman") });
  expect(problem).toStartWith(start);
  expect(problem).toContain(rest);
});

test("an engine that is not there, or does not answer, is said to be so", async () => {
  const none = { PATH: clients() };
  const silent = { PATH: clients("docker"), DOCKER_HOST: `unix://${work}/no-socket` };
  expect(await problemOf(["--", "img"], none)).toMatch(/^BERTH-A040: .*neither "docker" nor "podman"/);
  expect(await problemOf(["--engine", "docker", "--", "img"], none)).toMatch(
    /^BERTH-A040: .*"docker" in PATH.*podman$/,
  );
  expect(await problemOf(["--engine", "podman", "--", "img"], silent)).toMatch(/^BERTH-A040: .*"podman".*docker$/);
  expect(await problemOf(["--", "img"], silent)).toMatch(
    /^BERTH-A041: Cannot start a container: docker does not answer: there is no "\/no-socket"/,
  );
});

test("a podman that knows no runtime of ours, beside a berth that has none, is to be set up", async () => {
  const env = { PATH: clients("podman") };
  expect(await problemOf(["--", "img"], env)).toMatch(
    /^BERTH-A042: .*podman has no runtime "nvidia".*berth setup podman$/,
  );
});
