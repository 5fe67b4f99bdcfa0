import { expect, test } from "bun:test";
import { linkSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { formatJson, isJsonObject, parseJson, type JsonObject } from "../base/index.ts";
import { MountNamespace, ProcessHandle, Root } from "../linux/index.ts";
import { DEBIAN, ENGINE_MOUNTS, LIBRARIES, makeMachine, makeTree, volume, workFolder, type Machine } from "./container.test-helper.ts"; // prettier-ignore
import type { LiveContainer } from "./live-container.ts";
import { planLive, type LivePlan } from "./plan-live.ts";

/** What a plan would do, with the test's own folder spelled "WORK" without the bytes of files, and without owners, who are whoever runs the test. */
function shown({ stateWrites, writes, linkFolders, mounts, devices, warnings }: LivePlan, work: string): string {
  const plain = (value: object): object => ({ ...value, owner: undefined, bytes: undefined });
  const parts = {
    writes: writes.map(plain),
    stateWrites: stateWrites.map(plain),
    linkFolders,
    mounts,
    devices,
    warnings,
  };
  const text = JSON.stringify(parts, undefined, 1).replaceAll(work, "WORK");
  const value = parseJson(Buffer.from(text), "a plan");
  if (!isJsonObject(value)) throw new TypeError("not an object");
  return formatJson(value).replaceAll(/(?<=[\]}],)(?=["{])/g, "\n");
}

/** A container whose mounts are not made: what it sees is its layer. */
function planIn(
  rootfs: string,
  machine: Machine,
  { spec = {}, hasNodes = true }: { readonly spec?: JsonObject; readonly hasNodes?: boolean } = {},
): LivePlan {
  using stack = new DisposableStack();
  const handle = ProcessHandle.open(process.pid);
  if (handle === undefined) throw new RangeError("this process is gone");
  const container: LiveContainer = {
    process: stack.use(handle),
    namespace: stack.use(MountNamespace.of(handle)),
    whole: stack.use(Root.open(rootfs)),
    layer: stack.use(Root.open(rootfs)),
    table: [],
    rootPoint: rootfs,
    spec: { mounts: ENGINE_MOUNTS, ...spec },
    bundleDir: "/b",
    [Symbol.dispose]: () => {},
  };
  const { host, edits } = machine;
  return planLive({ host, edits, hasNodes, container, stateDir: "/s", containerId: "c" });
}

test("planLive: a whole plan for a Debian image with a tmpfs on /dev", () => {
  using work = workFolder();
  const rootfs = makeTree(join(work.path, "rootfs"), DEBIAN);
  const plan = planIn(rootfs, makeMachine(join(work.path, "driver"), { names: ["cuda"] }));
  expect(shown(plan, work.path)).toMatchSnapshot();
});

test("planLive moves libraries that a volume covers, and says so", () => {
  using work = workFolder();
  const rootfs = makeTree(join(work.path, "rootfs"), DEBIAN);
  const machine = makeMachine(join(work.path, "driver"), { names: ["cuda"] });
  const plan = planIn(rootfs, machine, { spec: { mounts: [...ENGINE_MOUNTS, volume(work.path, LIBRARIES)] } });
  expect(plan.mounts.filter(({ kind }) => kind === "library").map(({ containerPath }) => containerPath)).toEqual([
    "/usr/local/nvidia/lib64/libcuda.so.570.1",
  ]);
  expect(plan.warnings).toEqual([expect.stringContaining('are in "/usr/local/nvidia/lib64"')]);
});

test("planLive plans what is to be mounted on by its own name where the image's /lib is a link", () => {
  using work = workFolder();
  const rootfs = makeTree(join(work.path, "rootfs"), DEBIAN);
  const machine = makeMachine(join(work.path, "driver"), { libraries: "/lib/x86_64-linux-gnu", names: ["cuda"] });
  const plan = planIn(rootfs, machine);
  const files = plan.writes.flatMap((write) => (write.kind === "file" || write.kind === "link" ? [write.path] : []));
  expect(files).toContain(`${LIBRARIES}/libcuda.so.570.1`);
  expect(files).toContain(`${LIBRARIES}/libcuda.so.1`);
  expect(files.filter((path) => path.startsWith("/lib/x86"))).toEqual([]);
});

test("planLive leaves out what the container has: the same file at its place, and a node of the same device", () => {
  using work = workFolder();
  const rootfs = makeTree(join(work.path, "rootfs"), DEBIAN);
  const machine = makeMachine(join(work.path, "driver"), { names: ["cuda"] });
  const all = planIn(rootfs, machine).mounts.map(({ containerPath }) => containerPath);
  linkSync(join(work.path, "driver/libcuda.so.570.1"), join(rootfs, LIBRARIES, "libcuda.so.570.1"));
  const less = planIn(rootfs, machine).mounts.map(({ containerPath }) => containerPath);
  expect(all.filter((path) => !less.includes(path))).toEqual([`${LIBRARIES}/libcuda.so.570.1`]);
  rmSync(join(rootfs, LIBRARIES, "libcuda.so.570.1"));
  makeTree(rootfs, { [`${LIBRARIES}/libcuda.so.570.1`]: "cuda" });
  expect(planIn(rootfs, machine).mounts.map(({ containerPath }) => containerPath)).toEqual(all);
});

test.skipIf(process.geteuid?.() !== 0)(
  "planLive mounts no node that is there, but one of another device (needs root)",
  () => {
    using work = workFolder();
    const rootfs = makeTree(join(work.path, "rootfs"), DEBIAN);
    mkdirSync(join(rootfs, "dev"));
    Bun.spawnSync(["mknod", join(rootfs, "dev/nvidia0"), "c", "1", "3"]);
    Bun.spawnSync(["mknod", join(rootfs, "dev/nvidiactl"), "c", "1", "7"]);
    const plan = planIn(rootfs, makeMachine(join(work.path, "driver"), { names: ["cuda"] }));
    const nodes = plan.mounts.filter(({ containerPath }) => containerPath.startsWith("/dev/"));
    expect(nodes.map(({ containerPath, device }) => [containerPath, device?.minor])).toEqual([["/dev/nvidiactl", 5]]);
    expect(plan.devices).toHaveLength(2);
  },
);

test("planLive without nodes mounts none, and still names the devices that are to be permitted", () => {
  using work = workFolder();
  const rootfs = makeTree(join(work.path, "rootfs"), DEBIAN);
  const plan = planIn(rootfs, makeMachine(join(work.path, "driver")), { hasNodes: false });
  expect(plan.mounts.filter(({ device }) => device !== undefined)).toEqual([]);
  expect(plan.devices.map(({ node }) => node.path)).toEqual(["/dev/nvidiactl", "/dev/nvidia0"]);
});

test("planLive changes nothing, and refuses a driver file that is gone or lies in the container itself", () => {
  using work = workFolder();
  const rootfs = makeTree(join(work.path, "rootfs"), DEBIAN);
  const machine = makeMachine(join(work.path, "driver"), { names: ["cuda"] });
  const inside = makeMachine(join(rootfs, "driver"), { names: ["cuda"] });
  expect(() => planIn(rootfs, inside)).toThrow(expect.objectContaining({ code: "BERTH-P001" }));
  rmSync(join(work.path, "driver/libcuda.so.570.1"));
  expect(() => planIn(rootfs, machine)).toThrow(expect.objectContaining({ code: "BERTH-D002" }));
});
