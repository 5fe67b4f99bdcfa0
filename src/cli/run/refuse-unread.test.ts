import { expect, test } from "bun:test";
import { readRunOptions } from "./read-run-options.ts";
import { refuseUnread } from "./refuse-unread.ts";

const judge = (line: string, acceptEnvWhenUnprivileged: boolean) => (): void =>
  refuseUnread(readRunOptions(line.split(" ")), { acceptEnvWhenUnprivileged });

test("where only privileged containers may ask by their environment, others are refused before anything is taken", () => {
  for (const line of ["img", "--privileged=false img", "--cap-add NET_ADMIN img", "img --privileged"])
    expect(judge(line, false)).toThrow(expect.objectContaining({ code: "BERTH-A046" }));
  for (const line of ["--privileged img", "--cap-add=CAP_SYS_ADMIN img", "--cap-add all img"])
    expect(judge(line, false)).not.toThrow();
  expect(judge("img", true)).not.toThrow();
});
