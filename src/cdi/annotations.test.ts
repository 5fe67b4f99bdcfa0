import { expect, test } from "bun:test";
import { formatCdiAnnotation, parseCdiAnnotations } from "./index.ts";

const gpu = (name: string) => ({ kind: "nvidia.com/gpu", name });

test("parseCdiAnnotations gives the requests in the order of their keys, and no other annotation", () => {
  const annotations = new Map([
    ["cdi.k8s.io/z_1", "nvidia.com/gpu=0,nvidia.com/gpu=1:0"],
    ["cdi.k8s.io.example/x", "no name"],
    ["cdi.k8s.io/a", "nvidia.com/gpu=all"],
  ]);
  expect(parseCdiAnnotations(annotations)).toEqual([
    { key: "cdi.k8s.io/a", devices: [gpu("all")] },
    { key: "cdi.k8s.io/z_1", devices: [gpu("0"), gpu("1:0")] },
  ]);
  expect(parseCdiAnnotations(new Map([["x/y", "nvidia.com/gpu=0"]]), "x/")).toEqual([
    { key: "x/y", devices: [gpu("0")] },
  ]);
});

test.each(["", "0", "nvidia.com/gpu=0,", "nvidia.com/gpu=0, nvidia.com/gpu=1"])(
  "parseCdiAnnotations refuses the value %j",
  (value) => {
    expect(() => parseCdiAnnotations(new Map([["cdi.k8s.io/x", value]]))).toThrow(
      'Cannot read the annotation "cdi.k8s.io/x"',
    );
  },
);

test("formatCdiAnnotation makes an annotation that parseCdiAnnotations reads", () => {
  const { key, value } = formatCdiAnnotation("nvidia.gpu", "GPU-1/2", ["nvidia.com/gpu=0", "nvidia.com/gpu=1"]);
  expect(key).toBe("cdi.k8s.io/nvidia.gpu_GPU-1_2");
  expect(parseCdiAnnotations(new Map([[key, value]]))).toEqual([{ key, devices: [gpu("0"), gpu("1")] }]);
});

test.each([
  ["", "0", "nvidia.com/gpu=0", "must have a name"],
  ["p", "", "nvidia.com/gpu=0", "must have a name"],
  ["-p", "0", "nvidia.com/gpu=0", "letters, digits"],
  ["p", "a:b", "nvidia.com/gpu=0", "letters, digits"],
  ["p", "x/", "nvidia.com/gpu=0", "letters, digits"],
  ["p", "x".repeat(62), "nvidia.com/gpu=0", "longer than 63"],
  ["p", "0", "gpu0", '"gpu0" is no qualified CDI name'],
])("formatCdiAnnotation refuses plugin %j, device %j and name %j", (plugin, device, name, why) => {
  expect(() => formatCdiAnnotation(plugin, device, [name])).toThrow(why);
});
