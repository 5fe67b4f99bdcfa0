import { expect, test } from "bun:test";
import { wrapParts } from "./wrap-parts.ts";

test("a part that is longer than a line goes on below its own text", () => {
  const cause = "dockerd has one only when it finds the program nvidia-container-runtime-hook in its PATH";
  expect(wrapParts(`what:    no driver\ncause:   ${cause}\n`)).toBe(
    "what:    no driver\n" +
      "cause:   dockerd has one only when it finds the program\n" +
      "         nvidia-container-runtime-hook in its PATH\n",
  );
});

test("a command in a remedy stays on one line, so that it can be copied", () => {
  const command = "nvidia-ctk runtime configure --runtime=docker --set-as-default --config=/etc/docker/daemon.json";
  expect(wrapParts(`remedy:  as root: ${command}`)).toBe(`remedy:  as root:\n         ${command}`);
});

test("a line that is no part stays as it is", () => {
  const line = `docker 0123456789ab (exited, exit code 1): ${"x ".repeat(60)}`;
  expect(wrapParts(line)).toBe(line);
});
