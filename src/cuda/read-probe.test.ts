import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { formatProbe, LAYER_IDS, readProbe, type Probe } from "./index.ts";

const text = fc.string();
const optional = fc.option(text, { nil: undefined });

/** Probes as they come to be: good or absent layers in order, and at most one that failed, the last. */
const probes = fc
  .record({
    reached: fc.integer({ min: 1, max: LAYER_IDS.length }),
    states: fc.array(fc.constantFrom("good", "absent"), { minLength: 7, maxLength: 7 }),
    isFailed: fc.boolean(),
    detail: text,
    code: optional,
    cuda: optional,
    gpus: fc.array(fc.record({ index: fc.nat(), name: optional, uuid: optional })),
    libc: fc.constantFrom("glibc", "musl", "none", undefined),
  })
  .map(({ reached, states, isFailed, detail, code, cuda, gpus, libc }): Probe => {
    const count = isFailed ? reached : LAYER_IDS.length;
    const layers = LAYER_IDS.slice(0, count).map((id, at) => {
      const state = isFailed && at === count - 1 ? "failed" : (states[at] ?? "good");
      return { id, state: state === "failed" || state === "absent" ? state : "good", detail, code } as const;
    });
    return { layers, cuda, gpus, libc };
  });

test("readProbe reads what formatProbe wrote, whatever stands between the lines", () => {
  fc.assert(
    fc.property(probes, (probe) => {
      const lines = formatProbe(probe).split("\n");
      expect(readProbe(lines.join("\nnoise {\n"), { kind: "exited", code: 0 })).toEqual(probe);
    }),
  );
});

test("readProbe takes any text: what did not come to its end failed where it stood", () => {
  fc.assert(
    fc.property(text, (said) => {
      const { layers } = readProbe(said, { kind: "killed", signal: "SIGSEGV" });
      expect(layers).toEqual([
        { id: "library", state: "failed", detail: "the process that tried it was ended by SIGSEGV", code: undefined },
      ]);
    }),
  );
});

test("readProbe takes a probe that was cut off at its lines as far as it came", () => {
  const good = { state: "good", detail: "x" };
  const said = ["library", "init", "context"].map((id) => JSON.stringify({ layer: { ...good, id } })).join("\n");
  const { layers } = readProbe(said, { kind: "late", deadlineMs: 30_000 });
  expect(layers.map(({ id, state }) => `${id} ${state}`)).toEqual(["library good", "init good", "devices failed"]);
  expect(layers.at(-1)?.detail).toBe("the driver has not answered within 30 seconds");
});
