import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  buildTools,
  hasCompiler,
  makeLauncher,
  rawBytes,
  startStaged,
  type Tools,
} from "./launch-probe.test-helper.ts";
import type { LauncherSlots } from "./launcher-slots.ts";
import { formatLowLevelNote } from "./low-level-note.ts";

if (!hasCompiler) console.error("skipped: the launcher (no gcc here)");

const PATH = "/usr/sbin:/usr/bin";
const SIGNS = ["NVIDIA_VISIBLE_DEVICES", "CUDA_VERSION", "\\u"];
const isRoot = process.getuid?.() === 0;
let folder = "";
let tools: Tools = { stage: "", probe: "", tell: "", preload: "" };

/** A launcher whose berth and low-level runtime are programs that say which one they are. */
interface Site {
  readonly slots: Required<LauncherSlots>;
  readonly launcher: string;
  readonly runtime: string;
  readonly note: string;
}

beforeAll(() => {
  if (!hasCompiler) return;
  folder = mkdtempSync(join(tmpdir(), "berth-launcher-"));
  tools = buildTools(folder);
});

afterAll(() => {
  if (folder !== "") rmSync(folder, { recursive: true });
});

function makeSite(name = "nvidia-container-runtime"): Site {
  const dir = mkdtempSync(join(folder, "site-"));
  const slots = { executable: join(dir, "berth"), config: join(dir, "config.toml"), state: join(dir, "state") };
  const site = {
    slots,
    launcher: makeLauncher(dir, name, slots),
    runtime: join(dir, "runc"),
    note: join(dir, "state/low-level"),
  };
  for (const program of [slots.executable, site.runtime]) copyFileSync(tools.tell, program);
  mkdirSync(slots.state);
  writeFileSync(slots.config, "# none\n");
  writeNote(site);
  return site;
}

function writeNote(site: Site, config = site.slots.config): void {
  writeFileSync(
    site.note,
    formatLowLevelNote({
      executable: site.slots.executable,
      config,
      search: PATH,
      runtime: site.runtime,
      signs: SIGNS,
    }) ?? "",
  );
}

interface Told {
  readonly program: string;
  readonly argv: readonly string[];
  readonly env: readonly string[];
  readonly folder: string;
  readonly record: string;
}

/** Starts a launcher, with argv[0] first; what the program says that came of it. */
function start(launcher: string, argv: readonly string[], env: readonly string[] = [`PATH=${PATH}`]): Told {
  const begun = { program: launcher, argv: argv.map(rawBytes), env: env.map(rawBytes), cwd: folder };
  const { exitCode, stdout, stderr } = startStaged(tools.stage, join(launcher, ".."), begun);
  if (exitCode !== 0) throw new Error(`status ${exitCode}: ${Buffer.from(stderr).toString()}`);
  const [told = "", record = ""] = Buffer.from(stdout).toString().split("record ");
  const of = (kind: string): readonly string[] =>
    told.split("\n").flatMap((line) => (line.startsWith(`${kind} `) ? [line.slice(kind.length + 1)] : []));
  const [program = "", place = ""] = [of("program")[0], of("folder")[0]];
  return { program, argv: of("argument"), env: of("variable"), folder: place, record };
}

function call(site: Site, words: readonly string[], env?: readonly string[]): Told {
  return start(site.launcher, [site.launcher, ...words], env);
}

const calls: readonly (readonly [string, "runc" | "berth"])[] = [
  ["start c", "runc"],
  ["state c", "runc"],
  ["kill c KILL", "runc"],
  ["delete --force c", "runc"],
  ["features", "runc"],
  ["exec c run", "runc"],
  ["state create", "runc"],
  ["--root /r --log /l --log-format json --systemd-cgroup state c", "runc"],
  ["--root=/r --log=/l start c", "runc"],
  ["-root /r start c", "runc"],
  ["--root create start c", "runc"],
  ["--rootless create --criu run start c", "berth"],
  ["--log-level create --criu run start c", "runc"],
  ["--cgroup-manager systemd --log-level debug start c", "runc"],
  ["--debug=true start c", "runc"],
  ["create c", "berth"],
  ["run c", "berth"],
  ["--root start create c", "berth"],
  ["--log=start create c", "berth"],
  ["--debug create --bundle /b c", "berth"],
  ["", "berth"],
  ["--root", "berth"],
  ["--root /r", "berth"],
  ["--version", "berth"],
  ["-v", "berth"],
  ["--version start c", "berth"],
  ["--help start", "berth"],
  ["-h", "berth"],
  ["- start c", "berth"],
  ["-- start c", "berth"],
  ["---debug start c", "berth"],
  ["--platform systrap start c", "berth"],
  ["--logs /l start c", "berth"],
];

describe.skipIf(!hasCompiler)("of the calls of the runtime, the launcher passes on those that edit nothing", () => {
  test.each(calls)("%p goes to %s", (words, program) => {
    const site = makeSite();
    const argv = words.split(" ").filter((text) => text !== "");
    const told = call(site, argv);
    expect(told.program).toBe(program);
    expect(told.argv).toEqual([program === "runc" ? site.runtime : site.launcher, ...argv]);
  });

  test.each(["nvidia-container-runtime.cdi", "nvidia-container-runtime.legacy"])("as %s too", (name) => {
    expect(call(makeSite(name), ["start", "c"]).program).toBe("runc");
  });

  test.each(["berth", "nvidia-docker", "nvidia-container-runtime-hook", "runc"])("but not as %s", (name) => {
    expect(call(makeSite(name), ["start", "c"]).program).toBe("berth");
  });

  test("the low-level runtime gets the environment as it was", () => {
    const env = [`PATH=${PATH}`, "BUN_OPTIONS=-x", "BERTH_LAUNCH=7", "A=1", "A=2"];
    expect(call(makeSite(), ["start", "c"], env)).toMatchObject({ program: "runc", env });
  });
});

/** Each makes the note of a site one that does not hold, or cannot be trusted. */
const doubts: Readonly<Record<string, (site: Site) => void>> = {
  "there is none": ({ note }) => unlinkSync(note),
  "the configuration was changed": ({ slots }) => writeFileSync(slots.config, "# one\n"),
  "the configuration was replaced": ({ slots }) => {
    writeFileSync(`${slots.config}.new`, "# none\n");
    utimesSync(`${slots.config}.new`, 1, 1);
    renameSync(`${slots.config}.new`, slots.config);
  },
  "the configuration was removed": ({ slots }) => unlinkSync(slots.config),
  "the configuration cannot be seen": ({ slots }) => {
    unlinkSync(slots.config);
    symlinkSync("config.toml", slots.config);
  },
  "the runtime is gone": ({ runtime }) => unlinkSync(runtime),
  "others may write the runtime": ({ runtime }) => chmodSync(runtime, 0o777),
  "berth was replaced": ({ slots }) => utimesSync(slots.executable, 1, 1),
  "the runtime is no path": (site) => writeNote({ ...site, runtime: "/runc" }),
  "it is of another version": (site) => edit(site, (text) => text.replace("2", "1")),
  "it names a relative path": (site) => edit(site, (text) => text.replace(site.runtime, "runc")),
  "it is cut off": (site) => edit(site, (text) => text.slice(0, -1)),
  "it goes on": (site) => edit(site, (text) => `${text}more\n`),
  "it holds a NUL": (site) => edit(site, (text) => `${text}\0`),
  "it is too long": (site) => edit(site, (text) => text + "x".repeat(20_000)),
  "it is empty": (site) => edit(site, () => ""),
  "its PATH is another": (site) => edit(site, (text) => text.replace(PATH, "/usr/bin")),
  "others may write it": ({ note }) => chmodSync(note, 0o664),
  "it is a link": ({ note }) => {
    renameSync(note, `${note}.real`);
    symlinkSync("low-level.real", note);
  },
  "it is a folder": ({ note }) => {
    unlinkSync(note);
    mkdirSync(note);
  },
};

function edit(site: Site, change: (text: string) => string): void {
  const text = formatLowLevelNote({ ...site.slots, search: PATH, runtime: site.runtime, signs: SIGNS }) ?? "";
  writeFileSync(site.note, change(text));
}

const PLAIN = '{"process":{"env":["PATH=/bin","NVIDIA_VISIBLE_DEVICE=all"]}}';

/** A bundle whose config.json holds this text. */
function makeBundle(site: Site, text: string): string {
  const bundle = mkdtempSync(join(site.launcher, "../bundle-"));
  writeFileSync(join(bundle, "config.json"), text);
  return bundle;
}

describe.skipIf(!hasCompiler)(
  "of the specs of create and run, the launcher passes on those that hold no sign of a request",
  () => {
    test.each([
      [PLAIN, "runc"],
      [`${PLAIN}\n`, "runc"],
      ["{}", "runc"],
      ['{"process":{"env":["NVIDIA_VISIBLE_DEVICES=void"]}}', "berth"],
      ['{"process":{"env":["XNVIDIA_VISIBLE_DEVICES=0"]}}', "berth"],
      ['{"process":{"env":["CUDA_VERSION=12"]}}', "berth"],
      ['{"process":{"env":["\\u004eVIDIA_VISIBLE_DEVICES=0"]}}', "berth"],
      ['{"annotations":{"NVIDIA_NVIDIA_VISIBLE_DEVICES":""}}', "berth"],
      ["", "berth"],
      ["[]", "berth"],
      ['{"process":', "berth"],
      [`\ufeff${PLAIN}`, "berth"],
      [`{"a":"\0"}`, "berth"],
      [`{"a":"${"x".repeat(1 << 20)}"}`, "berth"],
    ])("%.60s goes to %s", (text, program) => {
      const site = makeSite();
      const bundle = makeBundle(site, text);
      for (const verb of ["create", "run"]) {
        expect(call(site, ["--root", "/r", verb, "--bundle", bundle, "c"]).program).toBe(program);
      }
    });

    test.each([
      [
        "--log /l --log-format json --systemd-cgroup create --bundle BUNDLE --pid-file /p --console-socket /s c",
        "runc",
      ],
      ["create -b BUNDLE --no-pivot --preserve-fds=2 c", "runc"],
      ["run -d -bundle=BUNDLE c", "runc"],
      ["create c --bundle BUNDLE", "runc"],
      ["create --pid-file --bundle --bundle BUNDLE c", "runc"],
      ["create --bundle /nowhere --bundle BUNDLE c", "berth"],
      ["create --bundle= c", "berth"],
      ["create c --bundle", "berth"],
      ["create --config BUNDLE/config.json --bundle BUNDLE c", "berth"],
      ["create --new-option --bundle BUNDLE c", "berth"],
      ["create ---bundle BUNDLE c", "berth"],
      ["create --bundle BUNDLE -- c", "berth"],
      ["create --bundle BUNDLE c d", "berth"],
      ["create --bundle BUNDLE", "berth"],
      ["--bundle BUNDLE create c", "berth"],
      ["create c", "berth"],
    ])("%s goes to %s", (words, program) => {
      const site = makeSite();
      const bundle = makeBundle(site, PLAIN);
      const argv = words.split(" ").map((word) => word.replace("BUNDLE", bundle));
      const told = call(site, argv);
      expect(told.program).toBe(program);
      expect(told.argv.slice(1)).toEqual(argv);
    });

    test("a note that wants every spec read, or is of an older berth, keeps each create for berth", () => {
      const site = makeSite();
      const words = ["create", "--bundle", makeBundle(site, PLAIN), "c"];
      expect(call(site, words).program).toBe("runc");
      edit(site, (text) => text.replace(SIGNS.join(" "), "*"));
      expect(call(site, words).program).toBe("berth");
      edit(site, (text) => text.replace(`${SIGNS.join(" ")}\n`, "").replace(/^2/, "1"));
      expect(call(site, words).program).toBe("berth");
    });

    test("a config.json that is a link, a FIFO or missing is berth's to judge", () => {
      const site = makeSite();
      const bundle = makeBundle(site, PLAIN);
      renameSync(join(bundle, "config.json"), join(bundle, "other.json"));
      const program = (): string => call(site, ["create", "--bundle", bundle, "c"]).program;
      expect(program()).toBe("berth");
      symlinkSync("other.json", join(bundle, "config.json"));
      expect(program()).toBe("berth");
      unlinkSync(join(bundle, "config.json"));
      Bun.spawnSync(["mkfifo", join(bundle, "config.json")]);
      expect(program()).toBe("berth");
    });
  },
);

describe.skipIf(!hasCompiler)("where berth's note of the low-level runtime is in doubt, berth is asked", () => {
  test.each(Object.keys(doubts))("%s", (name) => {
    const site = makeSite();
    expect(call(site, ["start", "c"]).program).toBe("runc");
    doubts[name]?.(site);
    expect(call(site, ["start", "c"])).toMatchObject({ program: "berth", argv: [site.launcher, "start", "c"] });
  });

  test.skipIf(!isRoot)("it belongs to another user", () => {
    const site = makeSite();
    chownSync(site.note, 12_345, 12_345);
    expect(call(site, ["start", "c"]).program).toBe("berth");
  });

  test("it is a FIFO, which nobody waits for", () => {
    const site = makeSite();
    unlinkSync(site.note);
    Bun.spawnSync(["mkfifo", site.note]);
    expect(call(site, ["start", "c"]).program).toBe("berth");
  });

  test.each([[[]], [["PATH=/usr/bin"]], [[`PATH=${PATH}`, "PATH=/tmp"]], [[`PATHS=${PATH}`]]])(
    "the environment is %p",
    (env) => {
      expect(call(makeSite(), ["start", "c"], env).program).toBe("berth");
    },
  );

  test("a missing configuration file is none in the note, too", () => {
    const site = makeSite();
    unlinkSync(site.slots.config);
    writeNote(site);
    expect(call(site, ["start", "c"]).program).toBe("runc");
  });

  test("without a configuration in its slot, the launcher leaves variables that name one to berth", () => {
    const site = makeSite();
    const { executable, state } = site.slots;
    const launcher = makeLauncher(join(site.launcher, ".."), "nvidia-container-runtime", { executable, state });
    writeNote(site, "/etc/nvidia-container-runtime/config.toml");
    const told = (more: readonly string[]): string =>
      start(launcher, ["x/nvidia-container-runtime", "start", "c"], [`PATH=${PATH}`, ...more]).program;
    expect(told([])).toBe("runc");
    expect(told(["NVIDIA_CTK_CONFIG_FILE_PATH=/c"])).toBe("berth");
    expect(told(["XDG_CONFIG_HOME="])).toBe("berth");
  });
});

describe.skipIf(!hasCompiler)("the environment that berth is started with", () => {
  const env = ["A=1", "BUN_OPTIONS=x", "BUN_BE_BUN=1", "NODE_OPTIONS=x", "JSC_x=1", "LD_PRELOAD=x", "LD_AUDIT=x", "DOCKER_HOST=d", "GLIBC_TUNABLES=x", "MALLOC_ARENA_MAX=1", "MIMALLOC_VERBOSE=1", "BERTH_LAUNCH=1", "BERTH_ROOT=/r", "odd", "A=\xe9"].map((text) => text); // prettier-ignore

  test.each(["berth", "nvidia-docker", "nvidia-ctk"])(
    "as %s is the user's, but for what Bun and the loader obey",
    (name) => {
      const told = call(makeSite(name), ["docker"], env);
      expect(told.env).toEqual([
        expect.stringMatching(/^BERTH_LAUNCH=\d+$/),
        "A=1",
        "DOCKER_HOST=d",
        "BERTH_ROOT=/r",
        "odd",
        "A=\ufffd",
      ]);
      expect(told.record).toContain("|A=1|BUN_OPTIONS=x|");
      expect(told.folder).toBe(folder);
    },
  );

  test.each(["nvidia-container-runtime", "nvidia-container-runtime.cdi", "unknown"])(
    "as %s is empty, and recorded",
    (name) => {
      const told = call(makeSite(name), ["create"], env);
      expect(told.env).toEqual([expect.stringMatching(/^BERTH_LAUNCH=\d+$/)]);
      expect(told.record).toContain("|A=1|BUN_OPTIONS=x|");
      expect(told.folder).toBe(folder);
    },
  );

  test.each([
    ["nvidia-container-runtime-hook", ["prestart"]],
    ["nvidia-container-toolkit", ["prestart"]],
    ["nvidia-cdi-hook", ["create-symlinks", "--link", "a::b"]],
    ["nvidia-ctk", ["--quiet", "hook", "chmod"]],
  ])("as the hook %s is gone, and so is the folder, which can be the image's", (name, words) => {
    const site = makeSite(name);
    const told = call(site, words, env);
    expect(told.env).toEqual([expect.stringMatching(/^BERTH_LAUNCH=\d+$/)]);
    expect(told.record.split("\n\n")[1]).toBe(
      [name, site.slots.config, site.slots.state, site.launcher, ...words, ""].join("|"),
    );
    expect(told.folder).toBe("/");
  });
});

describe.skipIf(!hasCompiler)("the launcher finds", () => {
  test("berth beside the folder that it is in, without a slot, and through a link", () => {
    const launcher = makeLauncher(folder, "nvidia-container-runtime", {});
    copyFileSync(tools.tell, join(folder, "berth"));
    const link = join(mkdtempSync(join(folder, "other-")), "nvidia-container-runtime");
    symlinkSync(launcher, link);
    expect(start(link, [link]).program).toBe("berth");
    unlinkSync(join(folder, "berth"));
  });

  test("its own name where argv[0] has none", () => {
    const site = makeSite("nvidia-cdi-hook");
    for (const argv of [[], [""], ["/x/"]]) expect(start(site.launcher, argv).record).toContain("\n\nnvidia-cdi-hook|");
    expect(start(site.launcher, ["/x/nvidia-docker"]).record).toContain("\n\nnvidia-docker|");
  });

  test("a place for the record above the standard descriptors, were they closed", () => {
    const site = makeSite();
    const begun = { program: site.launcher, argv: [rawBytes(site.launcher)], steps: ["close=0", "close=2"] };
    const { stdout } = startStaged(tools.stage, folder, begun);
    const said = Buffer.from(stdout).toString();
    expect(said).toMatch(/variable BERTH_LAUNCH=[3-9]\n/);
    expect(said).toContain("\ndescriptors 1\n");
  });

  test("no berth, and says so in one line, with status 127", () => {
    const site = makeSite();
    unlinkSync(site.slots.executable);
    const begun = { program: site.launcher, argv: [rawBytes(site.launcher), rawBytes("create")] };
    const { exitCode, stdout, stderr } = startStaged(tools.stage, folder, begun);
    expect({ exitCode, said: Buffer.from(stdout).toString() }).toEqual({ exitCode: 127, said: "" });
    expect(Buffer.from(stderr).toString()).toBe(
      `nvidia-container-runtime: BERTH-L006: Cannot start berth: "${site.slots.executable}": there is no such file (errno 2); remedy: install berth and its launchers again, together\n`,
    );
  });
});

test("a note is not made of what does not fit on its lines", () => {
  const lookup = {
    executable: "/nowhere/berth",
    config: "/nowhere/config.toml",
    search: "/bin",
    runtime: "/bin/runc",
    signs: ["A", "B"],
  };
  expect(formatLowLevelNote(lookup)).toBe("2\n-\n-\n/bin\n/bin/runc\nA B\n");
  for (const signs of [undefined, [], ["A B"], ["A", ""], ["*"], ["A\nB"]]) {
    expect(formatLowLevelNote({ ...lookup, signs })).toBe("2\n-\n-\n/bin\n/bin/runc\n*\n");
  }
  expect(formatLowLevelNote({ ...lookup, search: "/bin\n/sbin" })).toBeUndefined();
  expect(formatLowLevelNote({ ...lookup, runtime: "/bin/run\nc" })).toBeUndefined();
  expect(formatLowLevelNote({ ...lookup, runtime: "runc" })).toBeUndefined();
});
