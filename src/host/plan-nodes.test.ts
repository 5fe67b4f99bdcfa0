import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { simUp } from "../sim/index.ts";
import { makeEmptyRoot, makeRoot, put, putLink, putNode } from "./fake-root.test-helper.ts";
import { planCharLinks, planControlNodes, planDeviceNodes, type NodePlan } from "./index.ts";

const work = mkdtempSync(join(tmpdir(), "berth-plan-nodes-"));
const roots: string[] = [work];
afterAll(() => {
  for (const root of roots) rmSync(root, { recursive: true, force: true });
}, 60_000);

function track(root: string): string {
  roots.push(root);
  return root;
}

/** "/dev/nvidia0 195:0 666 there" */
function list({ nodes }: Pick<NodePlan, "nodes">): readonly string[] {
  return nodes.map(({ path, major, minor, mode, state }) => {
    return `${path} ${major}:${minor} ${mode.toString(8)} ${state.kind}`;
  });
}

const GPU = { bus: "0000:1b:00.0", minor: 0 };

describe("planDeviceNodes", () => {
  test("names the nodes of a real machine: the module nvidia-modeset is not loaded there, and MIG is off", () => {
    const root = track(makeEmptyRoot());
    for (const folder of ["proc", "sys"])
      cpSync(join(import.meta.dir, "fixtures/h100-580.159.04", folder), join(root, folder), { recursive: true });
    putNode(root, "/dev/nvidia0", [195, 0]);
    putNode(root, "/dev/nvidiactl", [195, 255]);
    putNode(root, "/dev/nvidia-uvm", [238, 0]);
    putNode(root, "/dev/nvidia-caps/nvidia-cap2", [241, 2]);
    const plan = planDeviceNodes(root);
    expect(list(plan)).toEqual([
      "/dev/nvidiactl 195:255 666 there",
      "/dev/nvidia0 195:0 666 there",
      "/dev/nvidia-uvm 238:0 666 there",
      "/dev/nvidia-uvm-tools 238:1 666 missing",
      "/dev/nvidia-caps/nvidia-cap1 241:1 400 missing",
      "/dev/nvidia-caps/nvidia-cap2 241:2 444 wrong-access",
    ]);
    expect([plan.missingModules, plan.warnings]).toEqual([[], []]);
    expect(list(planControlNodes(root)).map((line) => line.split(" ")[0])).toEqual([
      "/dev/nvidiactl",
      "/dev/nvidia-modeset",
      "/dev/nvidia-uvm",
      "/dev/nvidia-uvm-tools",
    ]);
  });

  describe("on simulated machines", () => {
    let count = 0;
    const up = (profile: string): string =>
      simUp(join(work, String((count += 1))), profile, { executable: "/opt/berth/berth", standIns: true }).dir;

    test.each(["h100x8", "h100x1", "a100x8-mig", "a100x16-mig112", "gb200x4-imex"])(
      "everything that should be on %s is there",
      (profile) => {
        const { nodes, missingModules, warnings } = planDeviceNodes(up(profile));
        expect(nodes.filter(({ state }) => state.kind !== "there")).toEqual([]);
        expect(nodes.length).toBeGreaterThan(4);
        expect([missingModules, warnings]).toEqual([[], []]);
      },
    );

    test.each(["none", "orin-csv", "wsl"])("nothing of this driver should be on %s", (profile) => {
      expect(planDeviceNodes(up(profile))).toEqual({ nodes: [], missingModules: [], warnings: [] });
    });

    test("the two nodes of each MIG instance are those of the driver's table", () => {
      const root = up("a100x8-mig");
      const before = list(planDeviceNodes(root));
      rmSync(join(root, "dev/nvidia-caps"), { recursive: true });
      const { nodes } = planDeviceNodes(root);
      const missing = nodes.filter(({ state }) => state.kind === "missing");
      expect(missing.every(({ path }) => path.startsWith("/dev/nvidia-caps/nvidia-cap"))).toBe(true);
      expect(missing.length).toBeGreaterThan(10);
      expect(list({ nodes }).map((line) => line.replace("missing", "there"))).toEqual([...before]);
    });

    test("with the driver's module gone, it and nvidia-uvm are what is missing", () => {
      const root = up("h100x1");
      writeFileSync(join(root, "proc/devices"), "Character devices:\n  1 mem\n\nBlock devices:\n  7 loop\n");
      expect(planDeviceNodes(root)).toEqual({ nodes: [], missingModules: ["nvidia", "nvidia-uvm"], warnings: [] });
    });

    test("a GPU that another driver has needs no module of NVIDIA's", () => {
      const root = up("h100x1");
      writeFileSync(join(root, "proc/devices"), "Character devices:\n  1 mem\n\nBlock devices:\n  7 loop\n");
      for (const bus of new Bun.Glob("*").scanSync({ cwd: join(root, "sys/bus/pci/devices"), onlyFiles: false })) {
        const link = join(root, "sys/bus/pci/devices", bus, "driver");
        rmSync(link, { force: true });
        symlinkSync("../../../bus/pci/drivers/vfio-pci", link);
      }
      expect(planDeviceNodes(root).missingModules).toEqual([]);
    });
  });

  test("without the major of nvidia-uvm its nodes cannot be named, and the module is what is missing", () => {
    const root = track(makeRoot([GPU]));
    put(root, "/proc/devices", "Character devices:\n195 nvidia-frontend\n\nBlock devices:\n");
    const plan = planDeviceNodes(root);
    expect(list(plan)).toEqual(["/dev/nvidiactl 195:255 666 there", "/dev/nvidia0 195:0 666 there"]);
    expect(plan.missingModules).toEqual(["nvidia-uvm"]);
  });

  test("mode and owner are those that the driver's parameters say, and so is whether anybody may make nodes", () => {
    const root = track(makeRoot([GPU]));
    put(
      root,
      "/proc/driver/nvidia/params",
      "ModifyDeviceFiles: 0\nDeviceFileUID: 0\nDeviceFileGID: 44\nDeviceFileMode: 432\n",
    );
    const [control] = planDeviceNodes(root).nodes;
    expect(control).toMatchObject({ mode: 0o660, uid: 0, gid: 44, isManaged: false });
    expect(control?.state).toEqual({ kind: "wrong-access", mode: 0o666, uid: 0, gid: 0 });
  });

  test("what stands in the place of a node is said", () => {
    const root = track(makeRoot([GPU, { bus: "0000:1c:00.0", minor: 1 }]));
    putNode(root, "/dev/nvidia0", [195, 1]);
    rmSync(join(root, "dev/nvidia1"));
    symlinkSync("/etc/passwd", join(root, "dev/nvidia1"));
    put(root, "/dev/nvidia-uvm", "a file");
    rmSync(join(root, "dev/nvidiactl"));
    mkdirSync(join(root, "dev/nvidiactl"));
    const states = planDeviceNodes(root).nodes.map(({ path, state }) => [path, state]);
    expect(Object.fromEntries(states)).toMatchObject({
      "/dev/nvidia0": { kind: "occupied", by: "the device 195:1" },
      "/dev/nvidia1": { kind: "occupied", by: 'a link to "/etc/passwd"' },
      "/dev/nvidia-uvm": { kind: "occupied", by: "a regular file" },
      "/dev/nvidiactl": { kind: "occupied", by: "a folder" },
      "/dev/nvidia-uvm-tools": { kind: "there" },
    });
  });

  test("an excluded GPU needs no node, and IMEX channel 0 is there only where the driver wants it", () => {
    const root = track(makeRoot([GPU, { bus: "0000:1c:00.0", minor: 1, isExcluded: true }]));
    put(root, "/proc/devices", "Character devices:\n195 nvidia\n234 nvidia-uvm\n235 nvidia-caps-imex-channels\n");
    const paths = (): readonly string[] => planDeviceNodes(root).nodes.map(({ path }) => path);
    expect(paths()).toEqual(["/dev/nvidiactl", "/dev/nvidia0", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools"]);
    put(root, "/proc/driver/nvidia/params", "CreateImexChannel0: 1\n");
    expect(paths()).toContain("/dev/nvidia-caps-imex-channels/channel0");
  });

  test("the nodes can be below another folder, whose links stay in it", () => {
    const root = track(makeRoot([GPU]));
    putNode(root, "/run/driver/real/nvidia0", [195, 0]);
    putLink(root, "/run/driver/dev", "/real");
    const { nodes } = planDeviceNodes(root, { devRoot: "/run/driver" });
    const node = nodes.find(({ path }) => path === "/dev/nvidia0");
    expect(node).toMatchObject({ hostPath: join(root, "run/driver/real/nvidia0"), state: { kind: "there" } });
  });
});

describe("planCharLinks", () => {
  let root = "";
  beforeAll(() => {
    root = track(makeRoot([GPU, { bus: "0000:1c:00.0", minor: 1 }]));
    putNode(root, "/dev/nvidia-nvswitch0", [239, 0]);
    putNode(root, "/dev/nvidia-fs0", [240, 0]);
    putNode(root, "/dev/nvidia-caps/nvidia-cap4323", [234, 4323]);
    putNode(root, "/dev/null", [1, 3]);
    rmSync(join(root, "dev/nvidia1"));
    putLink(root, "/dev/char/195:255", "../nvidiactl");
    putLink(root, "/dev/char/195:0", "/dev/nvidia0");
    putLink(root, "/dev/char/195:1", "../nvidia1");
    putLink(root, "/dev/char/195:254", "../null");
    putLink(root, "/dev/char/511:0", "../nvidia-gone");
    put(root, "/dev/char/239:0", "");
  });

  test("says of each link by number how it is, and leaves out what udev makes", () => {
    const links = planCharLinks(root, planDeviceNodes(root).nodes);
    expect(Object.fromEntries(links.map(({ path, target, state }) => [`${path} ${target}`, state]))).toEqual({
      "/dev/char/195:255 ../nvidiactl": { kind: "there" },
      "/dev/char/195:0 ../nvidia0": { kind: "there" },
      "/dev/char/195:1 ../nvidia1": { kind: "dangling", target: "../nvidia1" },
      "/dev/char/195:254 ../nvidia-modeset": { kind: "wrong", target: "../null" },
      "/dev/char/511:0 ../nvidia-uvm": { kind: "dangling", target: "../nvidia-gone" },
      "/dev/char/511:1 ../nvidia-uvm-tools": { kind: "missing" },
      "/dev/char/239:0 ../nvidia-nvswitch0": { kind: "occupied" },
      "/dev/char/234:4323 ../nvidia-caps/nvidia-cap4323": { kind: "missing" },
    });
  });

  test("a link that leads to the device under another name is one", () => {
    putLink(root, "/dev/char/234:4323", "../by-name");
    putNode(root, "/dev/by-name", [234, 4323]);
    const links = planCharLinks(root, planDeviceNodes(root).nodes);
    expect(links.find(({ path }) => path.endsWith("234:4323"))?.state).toEqual({ kind: "there" });
  });
});
