import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { isCreation, readRuntimeArgs } from "./index.ts";

/** Words as one would type them: no word here holds a blank. */
const split = (line: string): string[] => (line === "" ? [] : line.split(" "));

test.each([
  // As the engines call it.
  [
    "--root /run/runc --log /l/log.json --log-format json --systemd-cgroup create --bundle /b --pid-file /p --console-socket /s c1",
    "create",
    "/b",
    "c1",
  ],
  ["--root=/run/runc --log=/l --log-format=json create --bundle=/b --pid-file=/p c1", "create", "/b", "c1"],
  ["--log-level error create -b /b --no-pivot --preserve-fds 2 c1", "create", "/b", "c1"],
  ["run --detach --bundle /b c1", "run", "/b", "c1"],
  ["--cgroup-manager systemd --rootless true --criu /c create c1", "create", "", "c1"],
  // A runtime whose options are not known here: a word that is no verb may be a value.
  ["--platform systrap create --bundle /b c1", "create", "/b", "c1"],
  ["--network=host --platform systrap --debug create c1", "create", "", "c1"],
  ["--platform create c1", "create", "", "c1"],
  ["--systemd-cgroup create c1", "create", "", "c1"],
  ["--rootless create --bundle /b c1", "create", "/b", "c1"],
  // All spellings of the bundle; the last one counts.
  ["create -b /b c1", "create", "/b", "c1"],
  ["create -b=/b c1", "create", "/b", "c1"],
  ["create -bundle /b c1", "create", "/b", "c1"],
  ["create ---b /b c1", "create", "/b", "c1"],
  ["create -----bundle=/b c1", "create", "/b", "c1"],
  ["create --bundle /a --bundle /b c1", "create", "/b", "c1"],
  ["create --bundle /a --bundle= c1", "create", "", "c1"],
  ["create --bundle=/a=b c1", "create", "/a=b", "c1"],
  ["create --bundle -x c1", "create", "-x", "c1"],
  ["--bundle /b create c1", "create", "/b", "c1"],
  ["create c1 --bundle /b", "create", "/b", "c1"],
  ["create bundle", "create", "", "bundle"],
  ["create -- c1 --bundle /b", "create", "", "c1"],
  // What only looks like one.
  ["create --pid-file -b --bundle /b c1", "create", "/b", "c1"],
  ["create --bundle create x", "create", "create", "x"],
  ["--bundle create x", "x", "create", undefined],
  ["--root create start c1", "start", "", "c1"],
  ["--log run --debug state create", "state", "", "create"],
  ["-- create c1", "create", "", "c1"],
  ["- create", "-", "", "create"],
])("%s", (line, verb, bundle, containerId) => {
  expect(readRuntimeArgs(split(line))).toMatchObject({ verb, bundle, containerId });
});

test.each([
  ["create c1", true],
  ["run c1", true],
  ["--root /x create c1", true],
  ["state run", false],
  ["exec c run", false],
  ["exec c create", false],
  ["exec -d c create --bundle /b", false],
  ["start create", false],
  ["delete --force run", false],
  ["--bundle create x", false],
  ["kill create KILL", false],
  ["--root run list", false],
  ["Create c1", false],
  ["--create c1", false],
  ["--version", false],
  ["", false],
])("%s edits a bundle: %p", (line, expected) => {
  expect(isCreation(readRuntimeArgs(split(line)))).toBe(expected);
});

test.each([
  ["--debug --log /l --log-format json create c", { isDebug: true, log: "/l", logFormat: "json", isVersion: false }],
  ["--debug=false --log=/a --log=/l create c", { isDebug: false, log: "/l", logFormat: undefined }],
  ["-log /l create c", { log: "/l" }],
  ["create --debug --version -v --log /l c", { isDebug: false, isVersion: false, log: undefined }],
  ["--version", { isVersion: true, verb: undefined }],
  ["-v", { isVersion: true }],
  ["-version create c", { isVersion: true, verb: "create" }],
  ["exec c node --version", { isVersion: false }],
  ["create --preserve-fds 3 c", { containerId: "c" }],
  ["--root /r --systemd-cgroup create c", { root: "/r", isSystemdCgroup: true }],
  ["--root=/r --cgroup-manager systemd create c", { root: "/r", isSystemdCgroup: true }],
  ["--cgroup-manager=cgroupfs create --root /no c", { root: undefined, isSystemdCgroup: false }],
  ["create c", { isDebug: false, log: undefined, logFormat: undefined }],
])("%s is read as %j", (line, expected) => {
  expect(readRuntimeArgs(split(line))).toMatchObject(expected);
});

test.each([
  ["create c1 --bundle", '"bundle" has no value'],
  ["create -b", '"b" has no value'],
  ["run --pid-file", '"pid-file" has no value'],
  ["create c1 --preserve-fds", '"preserve-fds" has no value'],
  ["create --config /x/spec.json c1", "--config names another spec"],
  ["run -f spec.json c1", "--config names another spec"],
  ["create -f/other.json c1", '"f/other.json" may name another bundle or spec'],
  ["create --bundler /b c1", '"bundler" may name another bundle or spec'],
  ["create -b/other c1", '"b/other" may name another bundle or spec'],
  ["create --confi=/other.json c1", '"confi" may name another bundle or spec'],
])("%s is refused: %s", (line, part) => {
  const expected = { code: "BERTH-L005", message: expect.stringContaining(part) };
  expect(() => readRuntimeArgs(split(line))).toThrow(expect.objectContaining(expected));
});

test.each(["exec --bundle", "state c --bundle", "--log", "--bundle"])(
  "%s makes no container and so is left to the low-level runtime",
  (line) => {
    expect(isCreation(readRuntimeArgs(split(line)))).toBe(false);
  },
);

test("nothing that anybody can type makes the reader do anything but answer or refuse with BERTH-L005", () => {
  const word = fc.oneof(
    fc.constantFrom(
      "create",
      "run",
      "exec",
      "-b",
      "--bundle",
      "--bundle=",
      "--log",
      "--",
      "-",
      "",
      "--preserve-fds",
      "7",
    ),
    fc.string({ unit: "binary", maxLength: 6 }),
  );
  const answers = (words: string[]): boolean => {
    try {
      return readRuntimeArgs(words).bundle.length >= 0;
    } catch (error) {
      return error instanceof Error && "code" in error && error.code === "BERTH-L005";
    }
  };
  fc.assert(fc.property(fc.array(word, { maxLength: 8 }), answers), { numRuns: 1000 });
});
