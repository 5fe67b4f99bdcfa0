import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { transformRoot, type CdiEdits, type RootChange } from "./index.ts";
import { anySpec } from "./random-spec.test-helper.ts";
import { makeDevice, makeEdits, makeHook, makeMount, makeNode, makeSpec } from "./sample.test-helper.ts";

/** Edits after /old became /new on one side. */
function change(edits: Partial<CdiEdits>, relativeTo: RootChange["relativeTo"]): CdiEdits {
  const spec = makeSpec({ devices: [makeDevice("a", edits)], containerEdits: makeEdits(edits) });
  const changed = transformRoot(spec, { from: "/old", to: "/new", relativeTo });
  expect(changed.devices[0]?.containerEdits).toEqual(changed.containerEdits);
  return changed.containerEdits;
}

test.each([
  ["/old", "/new", "/old", "/new"],
  ["/old", "/new", "/old/a", "/new/a"],
  ["/old/", "/new/", "/old/a", "/new/a"],
  ["/old", "/new", "/older/a", "/older/a"],
  ["/old", "/new", "/a/old", "/a/old"],
  ["/", "/new", "/a", "/new/a"],
  ["/old", "/", "/old/a", "/a"],
  ["/old", "/", "/old", "/"],
  ["/old", "/old", "/old/a", "/old/a"],
  ["", "/new", "/a", "/new/a"],
  ["/", "/new", "relative", "relative"],
])("transformRoot from %j to %j makes of %j: %j", (from, to, path, expected) => {
  const spec = makeSpec({ containerEdits: makeEdits({ mounts: [makeMount(path, path)] }) });
  const host = transformRoot(spec, { from, to, relativeTo: "host" }).containerEdits.mounts;
  const container = transformRoot(spec, { from, to, relativeTo: "container" }).containerEdits.mounts;
  expect(host).toEqual([makeMount(expected, path)]);
  expect(container).toEqual([makeMount(path, expected)]);
});

test("transformRoot changes where device nodes lie on the host, or where they are put in the container", () => {
  const nodes = [
    makeNode("/old/a"),
    makeNode("/b"),
    makeNode("/old/c", { hostPath: "/old/d" }),
    makeNode("/e", { hostPath: "/f" }),
  ];
  expect(change({ deviceNodes: nodes }, "host").deviceNodes).toEqual([
    makeNode("/old/a", { hostPath: "/new/a" }),
    makeNode("/b"),
    makeNode("/old/c", { hostPath: "/new/d" }),
    makeNode("/e", { hostPath: "/f" }),
  ]);
  expect(change({ deviceNodes: nodes }, "container").deviceNodes).toEqual([
    makeNode("/new/a", { hostPath: "/old/a" }),
    makeNode("/b"),
    makeNode("/new/c", { hostPath: "/old/d" }),
    makeNode("/e", { hostPath: "/f" }),
  ]);
});

test.each([
  ["host", "prestart", "/new/x", "/new/a"],
  ["host", "createRuntime", "/new/x", "/new/a"],
  ["host", "createContainer", "/new/x", "/old/a"],
  ["host", "startContainer", "/old/x", "/old/a"],
  ["host", "poststart", "/new/x", "/new/a"],
  ["host", "poststop", "/new/x", "/new/a"],
  ["container", "prestart", "/old/x", "/old/a"],
  ["container", "createContainer", "/old/x", "/new/a"],
  ["container", "startContainer", "/new/x", "/new/a"],
  ["container", "poststop", "/old/x", "/old/a"],
] as const)(
  "transformRoot on the %s's side: a %s hook has the path %s and the argument %s",
  (side, stage, path, arg) => {
    expect(change({ hooks: [makeHook(stage, "/old/x", ["/old/a"])] }, side).hooks).toEqual([
      makeHook(stage, path, [arg]),
    ]);
  },
);

test.each([
  ["/old/a::/old/b", "/new/a::/new/b"],
  ["/old/a::/old/b::/old/c", "/new/a::/new/b::/new/c"],
  ["../old/a::/old/b", "../old/a::/new/b"],
  ["--folder=/old/a", "--folder=/old/a"],
  ["/old/a:/old/b", "/new/a:/old/b"],
  ["old", "old"],
])("transformRoot makes of a hook's argument %j: %j", (arg, expected) => {
  expect(change({ hooks: [makeHook("createContainer", "/x", [arg])] }, "container").hooks[0]?.args).toEqual([expected]);
});

test("transformRoot declares the version that a host path needs, and keeps a newer one", () => {
  const containerEdits = makeEdits({ deviceNodes: [makeNode("/old/a")] });
  const move = { from: "/old", to: "/new", relativeTo: "host" } as const;
  expect(transformRoot(makeSpec({ cdiVersion: "0.3.0", containerEdits }), move).cdiVersion).toBe("0.5.0");
  expect(transformRoot(makeSpec({ cdiVersion: "0.6.0", containerEdits }), move).cdiVersion).toBe("0.6.0");
  expect(transformRoot(makeSpec({ cdiVersion: "0.3.0" }), move).cdiVersion).toBe("0.3.0");
});

test("transformRoot from a root to the same one changes nothing", () => {
  fc.assert(
    fc.property(
      anySpec,
      fc.constantFrom("", "/", "/dev", "/dev/"),
      fc.constantFrom("host", "container"),
      (spec, root, relativeTo) => {
        expect(transformRoot(spec, { from: root, to: root, relativeTo })).toEqual(spec);
      },
    ),
  );
});
