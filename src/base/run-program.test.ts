import { expect, test } from "bun:test";
import { runProgram, type RunResult } from "./index.ts";

const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
const shell = (script: string, options?: Parameters<typeof runProgram>[1]): RunResult => {
  return runProgram(["/bin/sh", "-c", script], options);
};

test("exit code and both outputs come back as they were", () => {
  const result = shell("printf 'a\\377'; printf b >&2; exit 3");
  expect(result).toMatchObject({ exitCode: 3, signal: undefined, isTimedOut: false });
  expect([[...result.stdout], textOf(result.stderr)]).toEqual([[0x61, 0xff], "b"]);
});

test("arguments reach the program unchanged: there is no shell", () => {
  const words = ["a b", "$HOME", "*", "", "'\"", "-x"];
  expect(textOf(runProgram(["/usr/bin/printf", "%s|", ...words]).stdout)).toBe(`${words.join("|")}|`);
});

test("the program sees the environment, the folder and the input that it was given", () => {
  const result = shell('echo "$A:$HOME:$(pwd):$(cat)"', {
    env: { A: "b", PATH: "/usr/bin:/bin" },
    cwd: "/",
    stdin: "in",
  });
  expect(textOf(result.stdout)).toBe("b::/:in\n");
});

test("without input there is nothing to read", () => {
  expect(textOf(shell("cat; echo end").stdout)).toBe("end\n");
});

test("a signal is named, and there is no exit code then", () => {
  expect(shell("kill -TERM $$")).toMatchObject({ exitCode: undefined, signal: "SIGTERM", isTimedOut: false });
});

test("a program that takes too long is killed, one that ignores SIGTERM too", () => {
  const result = shell("trap '' TERM; exec sleep 30", { timeoutMs: 200 });
  expect(result).toMatchObject({ exitCode: undefined, signal: "SIGKILL", isTimedOut: true });
});

test("a program that is not there, and a folder that is not, are errors with their code", () => {
  expect(() => runProgram(["/nowhere/program"])).toThrow(expect.objectContaining({ code: "ENOENT" }));
  expect(() => runProgram(["/bin/true"], { cwd: "/nowhere" })).toThrow(expect.objectContaining({ code: "ENOENT" }));
});

test("a program that writes without end is ended at a size", () => {
  for (const words of ["yes", "yes >&2"]) {
    // Whether the signal or the closed pipe ends it is chance.
    const { isTooLong, isTimedOut, stdout, stderr } = runProgram(["sh", "-c", words], {
      maxBytes: 100_000,
      timeoutMs: 60_000,
    });
    expect([isTooLong, isTimedOut]).toEqual([true, false]);
    expect(stdout.length + stderr.length).toBeLessThan(10_000_000);
  }
  expect(runProgram(["true"], { maxBytes: 100_000 }).isTooLong).toBe(false);
});
