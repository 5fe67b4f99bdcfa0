import { expect, test } from "bun:test";
import { engineWords } from "./engine-words.ts";
import { runClient } from "./run-client.ts";

const env = { PATH: "/usr/bin:/bin" };
const sh = (script: string, timeoutMs = 20_000) => runClient(["sh", "-c", script], { env, timeoutMs });

test("runClient gives all that a client said, and how it ended", async () => {
  const output = await sh("echo out; echo err >&2; exit 7");
  expect(output).toEqual({ exitCode: 7, isLate: false, stdout: "out\n", stderr: "err\n" });
});

test("runClient waits no longer than its time, also for a child that keeps the pipe, and has what came before", async () => {
  const output = await sh("echo first; sleep 60 & exec sleep 60", 300);
  expect(output).toEqual({ exitCode: undefined, isLate: true, stdout: "first\n", stderr: "" });
});

test("runClient gives a client its input, and says why one cannot be started", async () => {
  const { stdout } = await runClient(["cat"], { env, timeoutMs: 20_000, stdin: Buffer.from("text") });
  expect(stdout).toBe("text");
  const missing = await runClient(["/no/such/client"], { env, timeoutMs: 20_000 });
  expect(missing).toMatchObject({ exitCode: undefined, stderr: expect.stringContaining("cannot be started: ENOENT") });
});

test.each([
  [
    "docker: Error response from daemon: failed to create task: BERTH-R001: no GPU 9.\n\nRun 'docker run --help' for more information\n",
    "failed to create task: BERTH-R001: no GPU 9.",
  ],
  ["Error: OCI runtime error: refused\n", "OCI runtime error: refused"],
  ["ctr: failed to start shim\n", "failed to start shim"],
  ["", "its client ended with 1"],
])("engineWords of %j are what the engine means", (stderr, expected) => {
  expect(engineWords({ exitCode: 1, isLate: false, stdout: "", stderr }, 1000)).toBe(expected);
});

test("engineWords of a client that was not waited for say so", () => {
  const output = { exitCode: undefined, isLate: true, stdout: "", stderr: "text" };
  expect(engineWords(output, 90_000)).toBe("it did not come to an end within 90 seconds");
});
