import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { parseConfigText, setJson, setToml, type TextValue } from "../text/index.ts";
import type { EngineName } from "./engine.ts";
import { treeReader } from "./golden.test-helper.ts";
import { planEngine } from "./plan-engine.ts";
import { undoEdit } from "./undo-edit.ts";
import type { EngineFacts, EngineWish } from "./wish.ts";

const CRI = "io.containerd.grpc.v1.cri";
const word = fc.constantFrom(
  "a",
  "nvidia",
  "runc",
  "crun",
  "two words",
  "é",
  "a.b",
  "1",
  "__proto__",
  "options",
  "path",
);
const leaf: fc.Arbitrary<TextValue> = fc.oneof(fc.boolean(), fc.integer(), word, fc.array(word, { maxLength: 2 }));
const table = (depth: number): fc.Arbitrary<TextValue> =>
  fc.dictionary(word, depth === 0 ? leaf : fc.oneof(leaf, table(depth - 1)), { maxKeys: 3 });
const entry = fc
  .dictionary(fc.constantFrom("path", "runtime_type", "options", "runtime_path"), leaf, { maxKeys: 3 })
  .map((each) => {
    const { options: _options, ...rest } = each;
    return rest;
  });
const runtimes = fc.dictionary(fc.constantFrom("nvidia", "runc", "kata"), entry, { maxKeys: 3 });
const UUIDS = ["GPU-1111aaaa", "GPU-1111bbbb", "MIG-2222"];
const resource = fc.constantFrom(
  "NVIDIA-GPU=GPU-1111aaaa",
  "NVIDIA-GPU=gpu-1111b",
  "NVIDIA-GPU=GPU-gone",
  "NVIDIA-GPU=2",
  "gpu=MIG-2222",
  "disks=2",
);
const swarm = fc.record({
  kind: fc.constantFrom("NVIDIA-GPU", "gpu"),
  devices: fc.subarray(UUIDS, { minLength: 1 }),
  runtimeConfig: fc.constant("/etc/nvidia-container-runtime/config.toml"),
});
const wish: fc.Arbitrary<EngineWish> = fc.record({
  runtime: fc.option(
    fc.record({
      name: fc.constantFrom("nvidia", "gpu"),
      path: fc.constantFrom("/usr/bin/n", "/opt/n"),
      isDefault: fc.boolean(),
    }),
    { nil: undefined },
  ),
  cdi: fc.boolean(),
  swarm: fc.option(swarm, { nil: undefined }),
});

/** Text of daemon.json as people write it. */
const daemonJson = fc
  .record({
    top: fc.record(
      {
        runtimes,
        features: fc.dictionary(fc.constantFrom("cdi", "buildkit"), fc.boolean()),
        "default-runtime": word,
        "node-generic-resources": fc.array(resource, { maxLength: 3 }),
      },
      { requiredKeys: [] },
    ),
    more: fc.dictionary(word, fc.oneof(leaf, table(1)), { maxKeys: 3 }),
    indent: fc.constantFrom(0, 1, 2, 4, "\t"),
    isWindows: fc.boolean(),
    end: fc.constantFrom("", "\n", "\n\n"),
  })
  .map(({ top, more, indent, isWindows, end }) => {
    const text = JSON.stringify({ ...more, ...top }, undefined, indent) + end;
    return isWindows ? text.replaceAll("\n", "\r\n") : text;
  });

/** Text of config.toml: tables with comments and blank lines between. */
const containerdToml = fc
  .record({
    version: fc.constantFrom(undefined, 2, 3),
    imports: fc.option(fc.array(fc.constantFrom("/etc/containerd/conf.d/*.toml", "/x/*.toml"), { maxLength: 2 }), {
      nil: undefined,
    }),
    plugin: fc.option(
      fc.record(
        {
          sandbox_image: word,
          enable_cdi: fc.boolean(),
          containerd: fc.record(
            { runtimes, default_runtime_name: fc.constantFrom("runc", "nvidia") },
            { requiredKeys: [] },
          ),
        },
        { requiredKeys: [] },
      ),
      { nil: undefined },
    ),
    more: fc.dictionary(word, table(1), { maxKeys: 2 }),
    comment: fc.constantFrom("", "# kept\n", "\n\n# kept\n\n"),
    isWindows: fc.boolean(),
  })
  .map(({ version, imports, plugin, more, comment, isWindows }) => {
    const name = version === undefined ? "cri" : version === 2 ? CRI : "io.containerd.cri.v1.runtime";
    let text: string = comment;
    for (const [key, value] of Object.entries(more)) text = setToml(text, [key], value);
    if (plugin !== undefined) text = setToml(text, ["plugins", name], plugin);
    if (imports !== undefined) text = setToml(text, ["imports"], imports);
    if (version !== undefined) text = setToml(text, ["version"], version);
    text += comment;
    return isWindows ? text.replaceAll(/\r?\n/g, "\r\n") : text;
  });

interface Kind {
  readonly engine: EngineName;
  readonly path: string;
  readonly facts?: EngineFacts;
  readonly format: "json" | "toml";
  readonly text: fc.Arbitrary<string>;
}

const KINDS: readonly (readonly [string, Kind])[] = [
  ["daemon.json", { engine: "docker", path: "/etc/docker/daemon.json", format: "json", text: daemonJson }],
  [
    "config.toml beside a drop-in",
    { engine: "containerd", path: "/etc/containerd/config.toml", format: "toml", text: containerdToml },
  ],
  [
    "config.toml in place",
    {
      engine: "containerd",
      path: "/etc/containerd/config.toml",
      facts: { dropIn: "" },
      format: "toml",
      text: containerdToml,
    },
  ],
];

/** Sets up and gives what undoes it. */
function setUp({ engine, path, facts }: Kind, text: string, wished: EngineWish) {
  const plan = planEngine(engine, treeReader(new Map([[path, text]])), wished, facts);
  const change = plan.edits.find((each) => each.path === path)?.change(text);
  return {
    after: change?.text ?? text,
    undo: (now: string) => (change === undefined ? now : undoEdit(path, now, change.added)),
  };
}

test.each(KINDS)("%s: a set-up, undone, leaves every byte as it was", (_name, kind) => {
  fc.assert(
    fc.property(kind.text, wish, (text, wished) => {
      const { after, undo } = setUp(kind, text, wished);
      expect(undo(after)).toBe(text);
      expect(setUp(kind, after, wished).after).toBe(after);
    }),
    { numRuns: 50 },
  );
});

test.each(KINDS)("%s: a set-up, undone after somebody's change, leaves that change and nothing else", (_name, kind) => {
  const add = (text: string): string => (kind.format === "json" ? setJson : setToml)(text, ["somebody"], "else");
  fc.assert(
    fc.property(kind.text, wish, (text, wished) => {
      const { after, undo } = setUp(kind, text, wished);
      const left = undo(add(after)) ?? "";
      expect(parseConfigText(kind.format, "x", left)).toEqual(parseConfigText(kind.format, "x", add(text)));
    }),
    { numRuns: 50 },
  );
});
