import { expect, test } from "bun:test";
import { isJsonObject, parseJson, type JsonObject } from "../base/index.ts";
import {
  annotationsOf,
  boundingCapabilities,
  groupInside,
  hasUserNamespace,
  integerAt,
  mountsOf,
  namespacesOf,
  processEnv,
} from "./index.ts";

function spec(text: string): JsonObject {
  const value = parseJson(Buffer.from(text), "config.json");
  if (!isJsonObject(value)) throw new TypeError("the test wants an object");
  return value;
}

test("every reader gives what the spec says", () => {
  const full = spec(`{
    "process": { "env": ["A=1", "B=", "=C", "A=2"], "capabilities": { "bounding": ["CAP_SYS_ADMIN"], "x": 1 }, "user": { "uid": 7 } },
    "mounts": [{ "destination": "/a", "source": "b", "type": "bind", "options": ["ro"], "y": {} }, { "destination": "/proc" }],
    "linux": { "namespaces": [{ "type": "mount" }, { "type": "network", "path": "/proc/1/ns/net" }, { "type": "pid", "path": "" }] },
    "annotations": { "a/b": "c", "__proto__": "d", "constructor": "e" }
  }`);
  expect(processEnv(full)).toEqual(["A=1", "B=", "=C", "A=2"]);
  expect(boundingCapabilities(full)).toEqual(["CAP_SYS_ADMIN"]);
  expect(mountsOf(full)).toEqual([
    { destination: "/a", source: "b", type: "bind", options: ["ro"] },
    { destination: "/proc", source: "", type: "", options: [] },
  ]);
  expect(namespacesOf(full)).toEqual([
    { type: "mount", path: undefined },
    { type: "network", path: "/proc/1/ns/net" },
    { type: "pid", path: undefined },
  ]);
  expect([...annotationsOf(full)]).toEqual([
    ["a/b", "c"],
    ["__proto__", "d"],
    ["constructor", "e"],
  ]);
});

test.each([
  "{}",
  '{"process":null,"mounts":null,"linux":null,"annotations":null}',
  '{"process":{"env":null},"linux":{}}',
])("what is absent or null is empty: %s", (text) => {
  const bare = spec(text);
  expect([processEnv(bare), boundingCapabilities(bare), mountsOf(bare), namespacesOf(bare)]).toEqual([[], [], [], []]);
  expect([hasUserNamespace(bare), annotationsOf(bare).size]).toEqual([false, 0]);
});

test("a user namespace is one whether it is new or joined", () => {
  expect(hasUserNamespace(spec('{"linux":{"namespaces":[{"type":"user"}]}}'))).toBe(true);
  expect(hasUserNamespace(spec('{"linux":{"namespaces":[{"type":"user","path":"/proc/1/ns/user"}]}}'))).toBe(true);
});

test.each([
  [processEnv, '{"process":[]}', '"/process" must be an object, but is a list'],
  [processEnv, '{"process":{"env":"A=1"}}', '"/process/env" must be a list, but is text'],
  [processEnv, '{"process":{"env":["A=1",2]}}', '"/process/env/1" must be text, but is the number 2'],
  [processEnv, '{"process":{"env":["A=1","B"]}}', '"/process/env/1" must be NAME=value, but has no "="'],
  [processEnv, '{"process":{"env":[null]}}', '"/process/env/0" must be text, but is null'],
  [processEnv, '{"process":{"ENV":["NVIDIA_VISIBLE_DEVICES=all"]}}', '"/process/ENV" must be spelled "env"'],
  [processEnv, '{"proceſs":{}}', '"/proceſs" must be spelled "process"'],
  [boundingCapabilities, '{"process":{"capabilities":["CAP_X"]}}', '"/process/capabilities" must be an object'],
  [mountsOf, '{"mounts":{}}', '"/mounts" must be a list, but is an object'],
  [mountsOf, '{"mounts":[1.0]}', '"/mounts/0" must be an object, but is the number 1.0'],
  [mountsOf, '{"mounts":[{"source":"/"}]}', '"/mounts/0/destination" must be a path, but is missing'],
  [mountsOf, '{"mounts":[{"destination":"/a","options":[true]}]}', '"/mounts/0/options/0" must be text, but is true'],
  [namespacesOf, '{"linux":{"namespaces":[{"path":"/x"}]}}', '"/linux/namespaces/0/type" must be text, but is missing'],
  [annotationsOf, '{"annotations":{"a/b":{}}}', '"/annotations/a~1b" must be text, but is an object'],
])("%p refuses %s, naming the field", (read, text, part) => {
  const expected = { code: "BERTH-S005", message: expect.stringContaining(part) };
  expect(() => read(spec(text))).toThrow(expect.objectContaining(expected));
});

test.each([
  ["7", 7],
  ["null", undefined],
])("the integer %s is read", (text, expected) => {
  expect(integerAt(spec(`{"uid":${text}}`), "/process/user", "uid")).toBe(expected);
});

test.each(["1.0", "1e3", "18446744073709551615", '"1"', "-0"])("%s is no integer", (text) => {
  expect(() => integerAt(spec(`{"uid":${text}}`), "/process/user", "uid")).toThrow(
    /"\/process\/user\/uid" must be an integer/,
  );
});

test.each([
  ["{}", 44, 44],
  ['{"linux":{"namespaces":[{"type":"mount"}],"gidMappings":[{"containerID":0,"hostID":100000,"size":65536}]}}', 44, 44],
  ['{"linux":{"namespaces":[{"type":"user"}],"gidMappings":[{"containerID":0,"hostID":100000,"size":65536}]}}', 44, undefined],
  ['{"linux":{"namespaces":[{"type":"user"}],"gidMappings":[{"containerID":0,"hostID":100000,"size":65536}]}}', 100044, 44],
  ['{"linux":{"namespaces":[{"type":"user"}],"gidMappings":[{"containerID":0,"hostID":7,"size":1},{"containerID":5,"hostID":44,"size":1}]}}', 44, 5],
  ['{"linux":{"namespaces":[{"type":"user","path":"/proc/1/ns/user"}]}}', 44, undefined],
])("in %s the group %d of the machine is the group %p", (text, gid, inside) => {
  expect(groupInside(spec(text), gid)).toBe(inside);
}); // prettier-ignore

test("what is inherited from a prototype is never taken for a field", () => {
  const hostile = spec('{"__proto__":{"process":{"env":["NVIDIA_VISIBLE_DEVICES=all"]},"mounts":[{}]}}');
  expect([processEnv(hostile), mountsOf(hostile)]).toEqual([[], []]);
});
