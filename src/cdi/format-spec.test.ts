import { expect, test } from "bun:test";
import { formatCdiSpec } from "./index.ts";
import { makeDevice, makeEdits, makeHook, makeMount, makeNode, makeSpec, NO_RDT } from "./sample.test-helper.ts";

const SPEC = makeSpec({
  annotations: { "a.b/c": "yes" },
  devices: [
    {
      ...makeDevice("0", {
        hooks: [{ ...makeHook("createContainer", "/bin/x", ["x", "--a=b"]), env: ["A=b"], timeout: 5 }],
        deviceNodes: [makeNode("/dev/a", { hostPath: "/dev/b", major: 195, minor: 0, permissions: "rw" })],
        intelRdt: NO_RDT,
      }),
      annotations: { d: "0:1" },
    },
  ],
  containerEdits: makeEdits({ mounts: [{ ...makeMount("/a", "/b"), options: ["ro"] }], additionalGids: [44] }),
});

test("formatCdiSpec writes JSON as one line, fields in the specification's order, nothing that is empty", () => {
  expect(formatCdiSpec(SPEC, "json")).toBe(
    '{"cdiVersion":"1.1.0","kind":"v/c","annotations":{"a.b/c":"yes"},"devices":[{"name":"0","annotations":{"d":"0:1"},' +
      '"containerEdits":{"deviceNodes":[{"path":"/dev/a","hostPath":"/dev/b","major":195,"minor":0,"permissions":"rw"}],' +
      '"hooks":[{"hookName":"createContainer","path":"/bin/x","args":["x","--a=b"],"env":["A=b"],"timeout":5}],"intelRdt":{}}}],' +
      '"containerEdits":{"mounts":[{"hostPath":"/a","containerPath":"/b","options":["ro"]}],"additionalGids":[44]}}\n',
  );
});

test("formatCdiSpec writes YAML with four spaces a level", () => {
  expect(formatCdiSpec(SPEC, "yaml")).toBe(`---
cdiVersion: "1.1.0"
kind: v/c
annotations:
    a.b/c: "yes"
devices:
    - name: "0"
      annotations:
        d: "0:1"
      containerEdits:
        deviceNodes:
            - path: /dev/a
              hostPath: /dev/b
              major: 195
              minor: 0
              permissions: rw
        hooks:
            - hookName: createContainer
              path: /bin/x
              args:
                - x
                - "--a=b"
              env:
                - "A=b"
              timeout: 5
        intelRdt: {}
containerEdits:
    mounts:
        - hostPath: /a
          containerPath: /b
          options:
            - ro
    additionalGids:
        - 44
`);
});
