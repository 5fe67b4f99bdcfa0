import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const folder = mkdtempSync(join(tmpdir(), "berth-docker-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
writeFileSync(join(folder, "docker"), '#!/bin/sh\nif [ "$1" = kill-me ]; then kill -9 $$; fi\necho "$@"\nexit 7\n', {
  mode: 0o755,
});

/** nvidia-docker in a process of its own, as a shell runs it: the exit code and what docker was given. */
function nvidiaDocker(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const script = `import { dockerDoor } from ${JSON.stringify(join(import.meta.dir, "docker.ts"))};
    process.exitCode = dockerDoor(process.argv.slice(1), undefined);`;
  const { exitCode, stdout } = Bun.spawnSync([process.execPath, "-e", script, "--", ...args], {
    env: { PATH: `${folder}:/usr/bin:/bin`, ...env },
    stderr: "ignore",
  });
  return [exitCode, stdout.toString()];
}

test("docker gets the words, and its exit code comes back", () => {
  expect(nvidiaDocker(["run", "img"], { NV_GPU: "0 1" })).toEqual([
    7,
    "run --runtime=nvidia -e NVIDIA_VISIBLE_DEVICES=0,1 img\n",
  ]);
  expect(nvidiaDocker(["ps", "-a"])).toEqual([7, "ps -a\n"]);
});

test("NV_DOCKER may hold words, and an empty one counts as none", () => {
  expect(nvidiaDocker(["ps"], { NV_DOCKER: "env docker -D" })).toEqual([7, "-D ps\n"]);
  expect(nvidiaDocker(["ps"], { NV_DOCKER: "" })).toEqual([7, "ps\n"]);
});

test("a docker that a signal ended is no success", () => {
  expect(nvidiaDocker(["kill-me"])[0]).toBe(137);
});
