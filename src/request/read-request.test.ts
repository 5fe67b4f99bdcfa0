import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { loadConfig } from "../config/index.ts";
import { readRequest, requestSigns, type Request } from "./index.ts";
import { makeSource } from "./source.test-helper.ts";
import type { CdiFiles } from "./cdi-name.ts";

const ask = (...env: string[]): Request => readRequest(makeSource({ env }));
const wants = (...env: string[]) => ask(...env).wants;
const capabilities = (...env: string[]) => ask(...env).capabilities;
const ids = ({ devices }: Request) => devices.map((device) => (device.kind === "index" ? device.index : device.kind));

test("a container without the variable asks for nothing", () => {
  expect(wants("PATH=/bin")).toBe("nothing");
});

test("the last entry of a repeated variable counts, and case matters", () => {
  expect(wants("NVIDIA_VISIBLE_DEVICES=all", "NVIDIA_VISIBLE_DEVICES=void")).toBe("nothing");
  expect(wants("NVIDIA_VISIBLE_DEVICES=void", "NVIDIA_VISIBLE_DEVICES=0")).toBe("devices");
  expect(wants("nvidia_visible_devices=all")).toBe("nothing");
});

test("a legacy CUDA image asks for everything, unless it says otherwise", () => {
  expect(wants("CUDA_VERSION=9.0")).toBe("devices");
  expect(capabilities("CUDA_VERSION=9.0")).toBe("all");
  expect(wants("CUDA_VERSION=9.0", "NVIDIA_VISIBLE_DEVICES=")).toBe("nothing");
  expect(wants("CUDA_VERSION=12.0", "NVIDIA_REQUIRE_CUDA=cuda>=12")).toBe("nothing");
});

test("a swarm resource that exists stands in place of the variable, even empty; several count together", () => {
  const askSwarm = (...env: string[]) => readRequest(makeSource({ env, settings: { swarmResources: ["A", "B"] } }));
  expect(ids(askSwarm("NVIDIA_VISIBLE_DEVICES=all", "A=0", "B=1,0"))).toEqual([0, 1]);
  expect(askSwarm("NVIDIA_VISIBLE_DEVICES=all", "A=").wants).toBe("nothing");
  expect(ids(askSwarm("NVIDIA_VISIBLE_DEVICES=3"))).toEqual([3]);
  expect(askSwarm("B=GPU-2").devicesOrigin).toEqual({ source: "env", text: "B=GPU-2" });
});

test("a swarm resource that is a number is refused: it is how many GPUs the task was given, not which", () => {
  const settings = { swarmResources: ["DOCKER_RESOURCE_NVIDIA-GPU", "DOCKER_RESOURCE_GPU"] };
  const askSwarm = (...env: string[]) => readRequest(makeSource({ env, settings }));
  expect(() => askSwarm("DOCKER_RESOURCE_NVIDIA-GPU=2")).toThrow(
    "Cannot give GPUs by DOCKER_RESOURCE_NVIDIA-GPU=2: Swarm says how many the task was given, and not which",
  );
  expect(() => askSwarm("DOCKER_RESOURCE_NVIDIA-GPU=GPU-1", "DOCKER_RESOURCE_GPU=1")).toThrow("DOCKER_RESOURCE_GPU=1:");
  expect(ids(askSwarm("DOCKER_RESOURCE_GPU=0"))).toEqual([0]);
  expect(ids(askSwarm("DOCKER_RESOURCE_GPU=1,2"))).toEqual([1, 2]);
  // What nobody configured says nothing of GPUs.
  expect(ids(askSwarm("NVIDIA_VISIBLE_DEVICES=1", "DOCKER_RESOURCE_DISKS=2"))).toEqual([1]);
});

test("capabilities are read as asked: unset and empty are the default, all is all, each name counts once", () => {
  expect(capabilities("X=1")).toBeUndefined();
  expect(capabilities("NVIDIA_DRIVER_CAPABILITIES=")).toBeUndefined();
  expect(capabilities("NVIDIA_DRIVER_CAPABILITIES=compute,all")).toBe("all");
  expect(capabilities("NVIDIA_DRIVER_CAPABILITIES= utility, compute,utility,")).toEqual(["utility", "compute"]);
});

test("a request says where it was asked", () => {
  expect(ask("NVIDIA_VISIBLE_DEVICES=0,1").devicesOrigin).toEqual({
    source: "env",
    text: "NVIDIA_VISIBLE_DEVICES=0,1",
  });
  expect(ask().devicesOrigin).toEqual({ source: "default", text: "NVIDIA_VISIBLE_DEVICES is not set" });
});

const FOLDER = "/var/run/nvidia-container-devices";

/** Where the environment of an unprivileged container does not count. */
const askStrictly = (words: Parameters<typeof makeSource>[0]): Request => {
  return readRequest(makeSource({ ...words, settings: { acceptEnvWhenUnprivileged: false } }));
};

test("where the environment of an unprivileged container does not count, its wishes are not even read, and that is said", () => {
  for (const value of ["all", "foo", "nvidia.com/other=1"]) {
    const request = askStrictly({ env: [`NVIDIA_VISIBLE_DEVICES=${value}`, "NVIDIA_MIG_CONFIG_DEVICES=0"] });
    expect(request.wants).toBe("nothing");
    expect(request.ignored).toEqual([`NVIDIA_VISIBLE_DEVICES=${value} is not accepted from an unprivileged container`]);
  }
  expect(askStrictly({ env: ["CUDA_VERSION=9.0"] }).wants).toBe("nothing");
  expect(askStrictly({ env: ["NVIDIA_VISIBLE_DEVICES=void"] }).ignored).toEqual([]);
  expect(askStrictly({ env: ["NVIDIA_VISIBLE_DEVICES=all"], bounding: ["CAP_SYS_ADMIN"] }).wants).toBe("devices");
});

test("where the environment does not count, annotations, mounts and mounted channels do; what the image demands does, too", () => {
  const env = [
    "NVIDIA_IMEX_CHANNELS=0",
    "NVIDIA_GDS=enabled",
    "NVIDIA_REQUIRE_CUDA=cuda>=99",
    "NVIDIA_DRIVER_CAPABILITIES=utility",
  ];
  expect(ids(askStrictly({ annotations: { "cdi.k8s.io/a": "nvidia.com/gpu=0" } }))).toEqual([0]);
  const mounted = askStrictly({ env, mounts: [`${FOLDER}/0`, `${FOLDER}/imex/1`] });
  expect(ids(mounted)).toEqual([0]);
  expect(mounted.imexChannels.map(({ channel }) => channel)).toEqual([1]);
  expect(mounted.features).toEqual([]);
  expect(mounted.conditions).toHaveLength(1);
  expect(mounted.capabilities).toEqual(["utility"]);
  expect(mounted.ignored.join("\n")).toContain("NVIDIA_GDS=enabled is not accepted");
});

test("the annotation berth.gpus asks what the variable asks, and counts before it and behind what an engine allots", () => {
  const annotations = { "berth.gpus": "any:2,mem>=20G" };
  const env = ["NVIDIA_VISIBLE_DEVICES=0"];
  const request = readRequest(makeSource({ env, annotations }));
  expect(request).toMatchObject({ wants: "devices", devices: [], wish: { count: 2, memoryBytes: 20e9 } });
  expect(request.devicesOrigin).toEqual({ source: "annotation", text: "berth.gpus: any:2,mem>=20G" });
  expect(ids(readRequest(makeSource({ env, annotations: { "berth.gpus": "3,exclusive" } })))).toEqual([3]);
  expect(ids(readRequest(makeSource({ env, annotations: { "berth.gpus": " " } })))).toEqual([0]);
  const allotted = { ...annotations, "cdi.k8s.io/a": "nvidia.com/gpu=3" };
  expect(ids(readRequest(makeSource({ env, annotations: allotted })))).toEqual([3]);
  expect(ids(readRequest(makeSource({ env, annotations, mounts: [`${FOLDER}/2`] })))).toEqual([2]);
});

test("a wish counts where ids count: an image that brings an annotation or a label along is no more believed than its environment", () => {
  const annotations = { "berth.gpus": "any:2" };
  const asked = askStrictly({ annotations });
  expect(asked).toMatchObject({ wants: "nothing", wish: undefined });
  expect(asked.ignored).toEqual(["berth.gpus: any:2 is not accepted from an unprivileged container"]);
  expect(askStrictly({ annotations, bounding: ["CAP_SYS_ADMIN"] }).wish?.count).toBe(2);
  expect(askStrictly({ env: ["NVIDIA_VISIBLE_DEVICES=any"] }).wish).toBeUndefined();
  const recorded = { list: "any:2", text: "--gpus 2" };
  const strict = { ...makeSource({ settings: { acceptEnvWhenUnprivileged: false } }), recorded };
  expect(readRequest(strict).wants).toBe("nothing");
});

test("what an engine keeps stands in place of the variable, and behind the annotation", () => {
  const recorded = { list: "any:2", text: "--gpus 2" };
  const source = { ...makeSource({ env: ["NVIDIA_VISIBLE_DEVICES=0,1"] }), recorded };
  expect(readRequest(source)).toMatchObject({
    wish: { count: 2 },
    devicesOrigin: { source: "engine", text: "--gpus 2" },
  });
  expect(ids(readRequest({ ...source, annotations: new Map([["berth.gpus", "5"]]) }))).toEqual([5]);
});

test("a wish stands in swarm variables, in annotations of CDI, and in the mode cdi without a kind", () => {
  const swarm = makeSource({ env: ["A=any:2", "B=mem>=20G"], settings: { swarmResources: ["A", "B"] } });
  expect(readRequest(swarm).wish).toMatchObject({ count: 2, memoryBytes: 20e9 });
  const annotations = { "cdi.k8s.io/a": "nvidia.com/gpu=any:2", "cdi.k8s.io/sriov": "vendor.com/net=eth0" };
  expect(readRequest(makeSource({ annotations })).wish?.count).toBe(2);
  const strict = { defaultKind: "nvidia.com/gpu" };
  for (const value of ["any:2,mem>=20G", "nvidia.com/gpu=any:2,mem>=20G"]) {
    const source = makeSource({ env: [`NVIDIA_VISIBLE_DEVICES=${value}`], settings: strict });
    expect(readRequest(source)).toMatchObject({ wish: { count: 2, memoryBytes: 20e9 }, cdiDevices: [] });
  }
  const named = makeSource({ env: ["NVIDIA_VISIBLE_DEVICES=0,exclusive"], settings: strict });
  expect(readRequest(named)).toMatchObject({ claim: "exclusive" });
});

test("other vendors' devices in annotations are the engine's: they ask for nothing here, and hide nothing", () => {
  const foreign = { "cdi.k8s.io/sriov": "vendor.com/net=eth0" };
  expect(readRequest(makeSource({ annotations: foreign }))).toMatchObject({ wants: "nothing", warnings: [] });
  expect(ids(readRequest(makeSource({ annotations: foreign, env: ["NVIDIA_VISIBLE_DEVICES=2"] })))).toEqual([2]);
  const both = { ...foreign, "cdi.k8s.io/gpu": "nvidia.com/gpu=1,management.nvidia.com/gpu=all" };
  expect(ids(readRequest(makeSource({ annotations: both, env: ["NVIDIA_VISIBLE_DEVICES=2"] })))).toEqual([1]);
});

test("a value that looks like a wish and is none is said", () => {
  const { warnings } = ask(
    "NVIDIA_VISIBLE_DEVICES=0",
    "NVIDIA_GDS=yes",
    "NVIDIA_MOFED=disabled",
    "NVIDIA_DISABLE_REQUIRE=yes",
  );
  expect(warnings).toEqual([
    'NVIDIA_GDS=yes does not count: the value is "enabled"',
    'NVIDIA_DISABLE_REQUIRE=yes does not count: the value is "true" or "1"',
  ]);
});

test.each([
  ["an annotation before mounts and environment", { "cdi.k8s.io/a": "nvidia.com/gpu=3" }, [`${FOLDER}/2`], "1", [3]],
  ["mounts before the environment", {}, [`${FOLDER}/2`], "1", [2]],
  ["the environment where there is nothing else", {}, [], "1", [1]],
  [
    "annotations in the order of their keys, split at commas",
    { "cdi.k8s.io/b": "nvidia.com/gpu=1", "cdi.k8s.io/a": "nvidia.com/gpu=3,nvidia.com/gpu=2" },
    [],
    "",
    [3, 2, 1],
  ],
  ["no annotation of another prefix", { "example.com/a": "nvidia.com/gpu=3" }, [], "1", [1]],
  ["no annotation at all where one name is not qualified", { "cdi.k8s.io/a": "nvidia.com/gpu=3,2" }, [], "1", [1]],
  ["mounts under void of the environment", {}, [`${FOLDER}/2`], "void", [2]],
] as const)("devices are asked for by %s", (_, annotations, mounts, visible, expected) => {
  // prettier-ignore
  const env = [`NVIDIA_VISIBLE_DEVICES=${visible}`];
  expect(ids(readRequest(makeSource({ env, annotations, mounts })))).toEqual([...expected]);
});

test("an annotation that does not count is said", () => {
  const { warnings } = readRequest(makeSource({ annotations: { "cdi.k8s.io/a": "0" } }));
  expect(warnings).toEqual(['the annotation "cdi.k8s.io/a" does not count: "0" is no qualified CDI name']);
});

test("in the mode cdi names without a kind are of the default kind, in annotations and in the environment", () => {
  const settings = { defaultKind: "nvidia.com/gpu" };
  expect(ids(readRequest(makeSource({ settings, annotations: { "cdi.k8s.io/a": "2" } })))).toEqual([2]);
  expect(ids(readRequest(makeSource({ settings, env: ["NVIDIA_VISIBLE_DEVICES=0,nvidia.com/gpu=1"] })))).toEqual([
    0, 1,
  ]);
  const other = { defaultKind: "acme.example/fpga" };
  expect(readRequest(makeSource({ settings: other, env: ["NVIDIA_VISIBLE_DEVICES=0"] })).cdiDevices).toEqual([
    "acme.example/fpga=0",
  ]);
});

/** Files that define some names: of berth's own, or of somebody else. */
function filesOf(defined: Readonly<Record<string, "own" | "other">>): CdiFiles {
  const find: CdiFiles["find"] = ({ kind, name }) => defined[`${kind}=${name}`];
  return { find, hasKind: (kind) => Object.keys(defined).some((name) => name.startsWith(`${kind}=`)) };
}

test.each([
  ["somebody's file", { "nvidia.com/gpu=0": "other" }, "nvidia.com/gpu=0", undefined, ["nvidia.com/gpu=0"]],
  ["berth's own file", { "nvidia.com/gpu=0": "own" }, "nvidia.com/gpu=0", undefined, []],
  [
    "berth's own file, as a whole",
    { "nvidia.com/gpu=all": "own" },
    "nvidia.com/gpu=all",
    undefined,
    ["nvidia.com/gpu=all"],
  ],
  ["a file with other names", { "nvidia.com/gpu=1": "other" }, "nvidia.com/gpu=0", undefined, []],
  [
    "the same in the mode cdi",
    { "nvidia.com/gpu=1": "other" },
    "nvidia.com/gpu=0",
    "nvidia.com/gpu",
    ["nvidia.com/gpu=0"],
  ],
  ["an automatic name", { "runtime.nvidia.com/gpu=0": "other" }, "runtime.nvidia.com/gpu=0", undefined, []],
] as const)("%s: who resolves a qualified name", (_, defined, name, defaultKind, cdiDevices) => {
  const cdiFiles = filesOf(defined);
  const byEnv = readRequest(
    makeSource({ cdiFiles, settings: { defaultKind }, env: [`NVIDIA_VISIBLE_DEVICES=${name}`] }),
  );
  expect(byEnv.cdiDevices).toEqual(cdiDevices);
  const annotations = { "cdi.k8s.io/a": name };
  expect(readRequest(makeSource({ cdiFiles, settings: { defaultKind }, annotations })).cdiDevices).toEqual(cdiDevices);
});

test("another vendor's device in an annotation counts where a file here defines it, else the engine has given it", () => {
  const annotations = { "cdi.k8s.io/a": "acme.example/nic=1" };
  expect(readRequest(makeSource({ annotations })).cdiDevices).toEqual([]);
  const cdiFiles = filesOf({ "acme.example/nic=1": "other" });
  expect(readRequest(makeSource({ annotations, cdiFiles })).cdiDevices).toEqual(["acme.example/nic=1"]);
});

test("every node of the driver is not for an image to ask for, but for a privileged container and an annotation", () => {
  const env = ["NVIDIA_VISIBLE_DEVICES=management.nvidia.com/gpu=all"];
  expect(() => readRequest(makeSource({ env }))).toThrow(expect.objectContaining({ code: "BERTH-R008" }));
  expect(readRequest(makeSource({ env, bounding: ["CAP_SYS_ADMIN"] })).cdiDevices).toHaveLength(1);
});

test.each([
  ["an id", [`${FOLDER}/0`, `${FOLDER}/1`], [0, 1], []],
  ["a UUID", [`${FOLDER}/GPU-11111111-2222-3333-4444-555555555555`], ["gpu-uuid"], []],
  ["all", [`${FOLDER}/all`], ["all"], []],
  ["a CDI name in parts", [`${FOLDER}/cdi/nvidia.com/gpu/0`], [0], []],
  ["a CDI name in one", [`${FOLDER}/cdi/nvidia.com/gpu=1`], [1], []],
  ["paths that are not clean", ["/var/run/../run//nvidia-container-devices/./2/"], [2], []],
  ["the same destination twice", [`${FOLDER}/0`, `${FOLDER}/0`], [0], []],
  // The peer reads the device "X/9" here.
  ["a folder that only begins so: nothing", ["/var/run/nvidia-container-devicesX/9"], [], []],
  ["the folder itself: nothing", [FOLDER], [], []],
  ["/run without /var: nothing", ["/run/nvidia-container-devices/0"], [], []],
  ["a CDI path without a name: nothing", [`${FOLDER}/cdi/nvidia.com`], [], []],
  ["a CDI path with more behind the name: nothing", [`${FOLDER}/cdi/nvidia.com/gpu/0/1`], [], []],
  ["an IMEX channel beside a device", [`${FOLDER}/imex/3`, `${FOLDER}/imex/channel4`, `${FOLDER}/0`], [0], [3, 4]],
] as const)("a mount of /dev/null below the folder asks for %s", (_, mounts, devices, channels) => {
  const request = readRequest(makeSource({ mounts }));
  expect(ids(request)).toEqual([...devices]);
  expect(request.imexChannels.map(({ channel }) => channel)).toEqual([...channels]);
});

test("a mount of void asks for nothing, and a mount of anything but /dev/null is only a mount", () => {
  expect(readRequest(makeSource({ mounts: [`${FOLDER}/void`] })).wants).toBe("nothing");
  const mounts = [
    { source: "/dev//null", destination: `${FOLDER}/1` },
    { source: "/etc/passwd", destination: `${FOLDER}/2` },
  ];
  expect(ids(readRequest({ ...makeSource(), mounts }))).toEqual([1]);
});

test("mounts ask for nothing where the administrator does not accept them", () => {
  expect(readRequest(makeSource({ mounts: [`${FOLDER}/0`], settings: { acceptVolumeMounts: false } })).wants).toBe(
    "nothing",
  );
});

const withGpu = (...env: string[]) => ask("NVIDIA_VISIBLE_DEVICES=0", ...env);

test.each([
  ["NVIDIA_IMEX_CHANNELS=0,1", [0, 1]],
  ["NVIDIA_IMEX_CHANNELS=channel7, 7,1048575", [7, 1048575]],
  ["NVIDIA_IMEX_CHANNELS=all", []],
  ["NVIDIA_IMEX_CHANNELS=", []],
  ["NVIDIA_IMEX_CHANNELS=none", []],
] as const)("%s asks for the channels %j", (variable, channels) => {
  expect(withGpu(variable).imexChannels.map(({ channel }) => channel)).toEqual([...channels]);
});

test.each(["1048576", "-1", "x", "channel", "0x1", "01"])("the IMEX channel %j is refused", (channel) => {
  expect(() => withGpu(`NVIDIA_IMEX_CHANNELS=${channel}`)).toThrow(expect.objectContaining({ code: "BERTH-R005" }));
});

test("IMEX channels need a device: alone they are nothing, and not even read", () => {
  expect(ask("NVIDIA_IMEX_CHANNELS=x")).toMatchObject({ wants: "nothing", imexChannels: [] });
});

test("mounted IMEX channels stand in place of the variable's", () => {
  const source = makeSource({
    env: ["NVIDIA_VISIBLE_DEVICES=0", "NVIDIA_IMEX_CHANNELS=9"],
    mounts: [`${FOLDER}/imex/1`],
  });
  expect(readRequest(source).imexChannels.map(({ channel }) => channel)).toEqual([1]);
});

test.each([
  ["NVIDIA_GDS", "gds"],
  ["NVIDIA_GDRCOPY", "gdrcopy"],
  ["NVIDIA_MOFED", "mofed"],
  ["NVIDIA_NVSWITCH", "nvswitch"],
])("%s asks for %s only by the value enabled", (variable, name) => {
  expect(withGpu(`${variable}=enabled`).features).toMatchObject([{ name, origin: { text: `${variable}=enabled` } }]);
  for (const value of ["", "1", "true", "Enabled", "enabled "])
    expect(withGpu(`${variable}=${value}`).features).toEqual([]);
});

test("MIG control is asked for by all, by nothing by an empty value, and refused for anything else", () => {
  expect(withGpu("NVIDIA_MIG_CONFIG_DEVICES=all", "NVIDIA_MIG_MONITOR_DEVICES=all").migControl).toMatchObject([
    { what: "config" },
    { what: "monitor" },
  ]);
  expect(withGpu("NVIDIA_MIG_CONFIG_DEVICES=").migControl).toEqual([]);
  expect(() => withGpu("NVIDIA_MIG_CONFIG_DEVICES=0")).toThrow(expect.objectContaining({ code: "BERTH-R002" }));
  expect(ask("NVIDIA_MIG_CONFIG_DEVICES=0").wants).toBe("nothing");
});

test.each([
  ["none", [], []],
  ["one", ["NVIDIA_REQUIRE_CUDA=cuda>=12.8"], [["NVIDIA_REQUIRE_CUDA", "cuda>=12.8"]]],
  [
    "several, by name",
    ["NVIDIA_REQUIRE_X=arch>=8", "NVIDIA_REQUIRE_CUDA=cuda>=12"],
    [
      ["NVIDIA_REQUIRE_CUDA", "cuda>=12"],
      ["NVIDIA_REQUIRE_X", "arch>=8"],
    ],
  ],
  ["an empty one: none", ["NVIDIA_REQUIRE_X="], []],
  ["Jetpack's are no conditions", ["NVIDIA_REQUIRE_JETPACK=csv-mounts=all", "NVIDIA_REQUIRE_JETPACK_HOST=x"], []],
  ["a legacy image's CUDA version", ["CUDA_VERSION=9.2.148"], [["CUDA_VERSION", "cuda>=9.2"]]],
  ["a CUDA version that is none: nothing", ["CUDA_VERSION=cu121"], []],
] as const)("conditions: %s", (_, env, expected) => {
  // prettier-ignore
  expect(ask(...env).conditions.map(({ variable, text }) => [variable, text])).toEqual(expected.map((row) => [...row]));
});

test.each(["1", "t", "T", "TRUE", "true", "True"])("NVIDIA_DISABLE_REQUIRE=%s waives the conditions", (value) => {
  expect(ask(`NVIDIA_DISABLE_REQUIRE=${value}`).isConditionWaived).toBe(true);
});

test.each(["", "0", "false", "yes", "on", "tRUE"])("NVIDIA_DISABLE_REQUIRE=%s does not", (value) => {
  expect(ask(`NVIDIA_DISABLE_REQUIRE=${value}`).isConditionWaived).toBe(false);
});

test("NVIDIA_REQUIRE_JETPACK=csv-mounts=all asks for every CSV file", () => {
  expect(ask("NVIDIA_REQUIRE_JETPACK=csv-mounts=all").wantsAllCsvFiles).toBe(true);
  expect(ask("NVIDIA_REQUIRE_JETPACK=csv-mounts=base").wantsAllCsvFiles).toBe(false);
});

test("a spec that holds none of the signs asks for nothing, however it asks and however its texts are spelled", () => {
  const config = loadConfig({ get: () => undefined }, "/nonexistent/config.toml");
  const signs = requestSigns({ ...config, acceptDevicesAsVolumeMounts: true });
  const names = [
    "NVIDIA_VISIBLE_DEVICES",
    "CUDA_VERSION",
    "NVIDIA_DRIVER_CAPABILITIES",
    "PATH",
    "nvidia_visible_devices",
  ];
  const entry = fc.tuple(fc.constantFrom(...names), fc.string()).map(([name, value]) => `${name}=${value}`);
  const key = fc.constantFrom("cdi.k8s.io/a", "example.com/a", "cdi.k8s.io", "berth.gpus", "berth");
  const destination = fc.constantFrom(`${FOLDER}/0`, "/data", "/var/run/nvidia/0");
  const value = fc.constantFrom("nvidia.com/gpu=0", "0", "void", "any:2");
  const escape = (text: string) => text.replace(/./gsu, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
  const slashed = (text: string) => JSON.stringify(text).replaceAll("/", "\\/");
  const styles = fc.constantFrom(
    (text: string) => JSON.stringify(text),
    slashed,
    (text: string) => `"${escape(text)}"`,
  );
  fc.assert(
    fc.property(
      fc.array(entry),
      fc.dictionary(key, value),
      fc.array(destination),
      styles,
      (env, annotations, mounts, spell) => {
        const pairs = Object.entries(annotations).map(([one, other]) => `${spell(one)}:${spell(other)}`);
        const json = `{"env":[${env.map((text) => spell(text)).join()}],"annotations":{${pairs.join()}},"mounts":[${mounts.map((text) => spell(text)).join()}]}`;
        const asks = (): boolean => {
          try {
            return readRequest(makeSource({ env, annotations, mounts })).wants !== "nothing";
          } catch {
            // A device id that cannot be read is a request, too.
            return true;
          }
        };
        expect(asks() && !signs.some((sign) => json.includes(sign))).toBe(false);
      },
    ),
  );
});
