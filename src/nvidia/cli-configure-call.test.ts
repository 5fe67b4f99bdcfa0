import { describe, expect, test } from "bun:test";
import { parseArgp } from "./argp.ts";
import { readConfigureCall, type ConfigureCall } from "./cli-configure-call.ts";
import { CONFIGURE, PROGRAM } from "./cli-options.ts";
import { readGlobalFlags } from "./cli-site.ts";
import { PeerError } from "./peer-error.ts";

/** A whole command line as somebody's program writes it. */
function read(line: string, env: Readonly<Record<string, string>> = {}): ConfigureCall {
  const outer = parseArgp(PROGRAM.options, line.split(" ").map(unquote), { stopsAtWord: true });
  if (outer.kind !== "parsed" || outer.words[0] !== "configure") throw new Error(JSON.stringify(outer));
  const inner = parseArgp(CONFIGURE.options, outer.words.slice(1), { stopsAtWord: false });
  if (inner.kind !== "parsed" || inner.words.length !== 1) throw new Error(JSON.stringify(inner));
  return readConfigureCall(
    inner.values,
    inner.words[0] ?? "",
    readGlobalFlags(outer.values, (name) => env[name]),
  );
}

/** "~" stands for a blank within an argument. */
function unquote(word: string): string {
  return word.replaceAll("~", " ");
}

const NOTHING: ConfigureCall = {
  global: {
    debug: "",
    loadKmods: false,
    noPivot: false,
    user: undefined,
    root: "",
    ldcache: "",
    noCreateImexChannels: false,
  },
  pid: undefined,
  rootfs: "/rootfs",
  devices: [],
  capabilities: [],
  requirements: [],
  migConfig: [],
  migMonitor: [],
  imexChannels: [],
  compatMode: undefined,
  noCgroups: false,
  noDevbind: false,
  noPersistenced: false,
  noFabricmanager: false,
  noGspFirmware: false,
  ldconfig: "",
};

describe("readConfigureCall", () => {
  test("of a bare call is nothing but the root file system", () => {
    expect(read("configure /rootfs")).toEqual(NOTHING);
  });

  test("reads the call of nvidia-container-runtime-hook", () => {
    const line =
      "--root=/ --load-kmods configure --cuda-compat-mode=ldconfig --ldconfig=@/sbin/ldconfig --device=0 --compute --utility --pid=123 /bundle/rootfs";
    expect(read(line)).toEqual({
      ...NOTHING,
      global: { ...NOTHING.global, root: "/", loadKmods: true },
      pid: 123,
      rootfs: "/bundle/rootfs",
      devices: ["0"],
      capabilities: ["compute", "utility"],
      compatMode: "ldconfig",
      ldconfig: "@/sbin/ldconfig",
    });
  });

  test("reads the hook's call with everything that config.toml and an image can add", () => {
    const line =
      "--root=/run/nvidia/driver --load-kmods --no-create-imex-channels --no-pivot --debug=/dev/stderr --ldcache=/x --user=root:video configure --no-cgroups --device=GPU-1,MIG-2 --mig-config=all --mig-monitor=all --imex-channel=0,1 --compat32 --compute --display --graphics --ngx --utility --video --require=cuda>=12.8~brand=tesla,driver>=535 --require=arch>=8.0 --pid=1 /r";
    expect(read(line)).toEqual({
      ...NOTHING,
      global: {
        debug: "/dev/stderr",
        loadKmods: true,
        noPivot: true,
        user: "root:video",
        root: "/run/nvidia/driver",
        ldcache: "/x",
        noCreateImexChannels: true,
      },
      pid: 1,
      rootfs: "/r",
      devices: ["GPU-1", "MIG-2"],
      capabilities: ["compute", "utility", "video", "graphics", "display", "ngx", "compat32"],
      requirements: ["cuda>=12.8 brand=tesla,driver>=535", "arch>=8.0"],
      migConfig: ["all"],
      migMonitor: ["all"],
      imexChannels: ["0", "1"],
      noCgroups: true,
    });
  });

  test("reads the call of Apptainer and SingularityCE with --nvccli, in a user namespace and as root", () => {
    const flags = "configure --no-cgroups --device=all --compute --utility --ldconfig=@/sbin/ldconfig /var/lib/final";
    const expected: ConfigureCall = {
      ...NOTHING,
      rootfs: "/var/lib/final",
      devices: ["all"],
      capabilities: ["compute", "utility"],
      noCgroups: true,
      ldconfig: "@/sbin/ldconfig",
    };
    expect(read(flags)).toEqual(expected);
    expect(read(`--user ${flags}`)).toEqual({ ...expected, global: { ...NOTHING.global, user: "" } });
  });

  test("reads the call of Enroot's hook 98-nvidia.sh", () => {
    const line =
      "--user --debug=/dev/stderr configure --no-cgroups --ldconfig=@/sbin/ldconfig.real --device=0,1 --compute --compat32 --display --graphics --utility --video --require=cuda>=11.0 /run/enroot/rootfs";
    expect(read(line)).toEqual({
      ...NOTHING,
      global: { ...NOTHING.global, user: "", debug: "/dev/stderr" },
      rootfs: "/run/enroot/rootfs",
      devices: ["0", "1"],
      capabilities: ["compute", "utility", "video", "graphics", "display", "compat32"],
      requirements: ["cuda>=11.0"],
      noCgroups: true,
      ldconfig: "@/sbin/ldconfig.real",
    });
  });

  test("takes options after the root file system, in short, and several lists of devices as one", () => {
    expect(
      read("-kn configure /a/../b/ -cugvDn -p7 -d0 --device 2,3 --no-devb --no-p --no-f --no-g --no-cntlibs"),
    ).toEqual({
      ...NOTHING,
      global: { ...NOTHING.global, loadKmods: true, noPivot: true },
      pid: 7,
      rootfs: "/b",
      devices: ["0", "2", "3"],
      capabilities: ["compute", "utility", "video", "graphics", "display", "ngx"],
      noDevbind: true,
      noPersistenced: true,
      noFabricmanager: true,
      noGspFirmware: true,
    });
  });

  test("has the log file of NVC_DEBUG_FILE where --debug names none", () => {
    expect(read("configure /r", { NVC_DEBUG_FILE: "/log" }).global.debug).toBe("/log");
    expect(read("-d /other configure /r", { NVC_DEBUG_FILE: "/log" }).global.debug).toBe("/other");
  });

  test.each([
    ["configure rootfs", "invalid rootfs directory"],
    ["configure /", "invalid rootfs directory"],
    ["configure /a/..", "invalid rootfs directory"],
    ["configure //", "invalid rootfs directory"],
    ["configure --pid=0 /r", "parse pid failed: invalid argument"],
    ["configure --pid=-1 /r", "parse pid failed: invalid argument"],
    ["configure --pid=1x /r", "parse pid failed: invalid argument"],
    ["configure --pid=+1 /r", "parse pid failed: invalid argument"],
    ["configure --pid= /r", "parse pid failed: invalid argument"],
    ["configure --pid=2147483648 /r", "parse pid failed: invalid argument"],
    ["configure --cuda-compat-mode=hook /r", "invalid cuda-compat-mode: hook"],
    [`configure${" -rcuda>=1".repeat(33)} /r`, "too many requirements"],
  ])("refuses %j: %s", (line, words) => {
    const attempt = (): ConfigureCall => read(line);
    expect(attempt).toThrow(PeerError);
    try {
      attempt();
    } catch (error) {
      expect(error).toMatchObject({ phase: "input", words, code: "BERTH-U001" });
    }
  });
});
