import { afterAll, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { BerthError } from "../base/index.ts";
import { parseCommandLine } from "./command-line.ts";
import { configureRuntime } from "./ctk-runtime-configure.ts";
import { RUNTIME } from "./ctk-runtime.ts";

const work = mkdtempSync(join(tmpdir(), "berth-ctk-runtime-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

let count = 0;
/** A folder with files of a machine: etc/…, */
function makeFolder(files: Readonly<Record<string, string>> = {}): string {
  const folder = join(work, String((count += 1)));
  mkdirSync(folder);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return folder;
}

/** `nvidia-ctk runtime configure …`: its lines, and the error that ends it. */
function configure(...words: string[]): { readonly lines: readonly string[]; readonly error: string | undefined } {
  const outcome = parseCommandLine(
    { name: "nvidia-ctk", usage: "", subcommands: [RUNTIME] },
    ["runtime", "configure", ...words],
    () => undefined,
  );
  if (outcome.kind !== "run") throw new Error(outcome.error ?? outcome.out);
  const lines: string[] = [];
  const say = (level: string) => (text: string) => void lines.push(`${level} ${text}`);
  const world = { env: () => undefined, executable: process.execPath, configSlot: undefined };
  try {
    configureRuntime({ ...outcome, world, info: say("info"), warn: say("warning") });
    return { lines, error: undefined };
  } catch (thrown) {
    if (!(thrown instanceof BerthError)) throw thrown;
    return { lines, error: `${thrown.code} ${thrown.message}` };
  }
}

/** The same in a process of its own: what it prints on stdout. */
function printed(...words: string[]): string {
  const script = `import { ctkDoor } from ${JSON.stringify(join(import.meta.dir, "ctk.ts"))};
    process.exitCode = await ctkDoor(process.argv.slice(1), undefined);`;
  return Bun.spawnSync([process.execPath, "-e", script, "--", "runtime", "configure", ...words]).stdout.toString();
}

const read = (path: string): string => readFileSync(path, "utf8");
/** The flags for an engine whose files are below a folder. */
const crio = (folder: string): string[] => [
  "--runtime=crio",
  `--config=${folder}/crio.conf`,
  `--drop-in-config=${folder}/crio.conf.d/99-nvidia.toml`,
];
const containerd = (folder: string): string[] => [
  "--runtime=containerd",
  `--config=${folder}/config.toml`,
  `--drop-in-config=${folder}/conf.d/99-nvidia.toml`,
];

const DAEMON_JSON = `{
    "runtimes": {
        "nvidia": {
            "args": [],
            "path": "nvidia-container-runtime"
        }
    }
}`;

test("docker without a file gets one as nvidia-ctk writes it, and a second run writes nothing", () => {
  const config = join(makeFolder(), "etc/docker/daemon.json");
  expect(configure("--config", config).lines).toEqual([
    "info Config file does not exist; using empty config",
    `info Wrote updated config to ${config}`,
    "info It is recommended that docker daemon be restarted.",
  ]);
  expect(read(config)).toBe(DAEMON_JSON);
  const before = statSync(config);
  expect(configure("--config", config).lines).toEqual([
    `info Loading config from ${config}`,
    "info No change is needed: docker has all that is asked for",
  ]);
  expect(statSync(config)).toMatchObject({ ino: before.ino, mtimeMs: before.mtimeMs });
});

test.each([
  [["--runtime-path=/opt/n"], { runtimes: { nvidia: { args: [], path: "/opt/n" } } }],
  [["--nvidia-runtime-path=./n"], { runtimes: { nvidia: { args: [], path: "./n" } } }],
  [["--nvidia-runtime-name=gpu"], { runtimes: { gpu: { args: [], path: "nvidia-container-runtime" } } }],
  [["--set-as-default"], { "default-runtime": "nvidia", runtimes: expect.anything() }],
  [["--nvidia-set-as-default"], { "default-runtime": "nvidia", runtimes: expect.anything() }],
  [["--cdi.enabled"], { features: { cdi: true }, runtimes: expect.anything() }],
  [["--cdi.enable"], { features: { cdi: true }, runtimes: expect.anything() }],
  [["--enable-cdi"], { features: { cdi: true }, runtimes: expect.anything() }],
  [["--config-mode=config"], { runtimes: expect.anything() }],
  [["--drop-in-config="], { runtimes: expect.anything() }],
])("docker with %j", (words, top) => {
  const config = join(makeFolder(), "daemon.json");
  expect(configure("--config", config, ...words).error).toBeUndefined();
  expect(JSON.parse(read(config))).toEqual(top);
});

test("what docker's file says stays: its features, its layout, its link and its mode", () => {
  const folder = makeFolder({ "real/daemon.json": '{\n\t"features": { "buildkit": true },\n\t"debug": true\n}\n' });
  chmodSync(join(folder, "real/daemon.json"), 0o640);
  symlinkSync("real/daemon.json", join(folder, "daemon.json"));
  configure("--config", join(folder, "daemon.json"), "--cdi.enabled");
  expect(read(join(folder, "real/daemon.json"))).toBe(`{
\t"features": { "buildkit": true, "cdi": true },
\t"debug": true,
\t"runtimes": {
\t\t"nvidia": {
\t\t\t"args": [],
\t\t\t"path": "nvidia-container-runtime"
\t\t}
\t}
}
`);
  expect(lstatSync(join(folder, "daemon.json")).isSymbolicLink()).toBe(true);
  expect(statSync(join(folder, "real/daemon.json")).mode & 0o777).toBe(0o640);
});

const MAIN = `# Ours.
version = 2

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "pause:1" # the mirror
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = true
`;

const dropInOf = (
  folder: string,
): string => `# Made by berth, with a copy of what "${folder}/config.toml" says: change it there, and have this made anew.
version = 2

[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "pause:1"

[plugins."io.containerd.grpc.v1.cri".containerd]
default_runtime_name = "nvidia"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
SystemdCgroup = true

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.nvidia]
runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.nvidia.options]
SystemdCgroup = true
BinaryName = "/usr/bin/nvidia-container-runtime"
`;

const importing = (folder: string): string =>
  MAIN.replace("version = 2\n", `version = 2\nimports = ["${folder}/conf.d/*.toml"]\n`);

test("containerd gets a file of its own, and one line that imports it", () => {
  const folder = makeFolder({ "config.toml": MAIN });
  const { lines } = configure(...containerd(folder), "--set-as-default");
  expect(lines).toContain(`info Wrote updated config to ${folder}/conf.d/99-nvidia.toml`);
  expect(lines).toContain(`info Wrote updated config to ${folder}/config.toml`);
  expect(lines.at(-1)).toBe("info It is recommended that containerd daemon be restarted.");
  expect(read(join(folder, "conf.d/99-nvidia.toml"))).toBe(dropInOf(folder));
  expect(read(join(folder, "config.toml"))).toBe(importing(folder));
  expect(configure(...containerd(folder), "--set-as-default").lines.at(-1)).toStartWith("info No change is needed");
});

test("a runtime of another name that was set up before stays in that file, whatever is set up next", () => {
  const folder = makeFolder({ "config.toml": MAIN });
  configure(...containerd(folder));
  configure(...containerd(folder), "--nvidia-runtime-name=gpu", "--nvidia-runtime-path=/opt/gpu");
  const both = read(join(folder, "conf.d/99-nvidia.toml"));
  expect(both).toContain(
    'containerd.runtimes.nvidia.options]\nSystemdCgroup = true\nBinaryName = "/usr/bin/nvidia-container-runtime"',
  );
  expect(both).toContain('containerd.runtimes.gpu.options]\nSystemdCgroup = true\nBinaryName = "/opt/gpu"');
  configure(...containerd(folder));
  expect(read(join(folder, "conf.d/99-nvidia.toml"))).toBe(both);
});

test("what changes in containerd's main file later comes into the copy with the next run", () => {
  const folder = makeFolder({ "config.toml": MAIN });
  configure(...containerd(folder), "--set-as-default");
  writeFileSync(join(folder, "config.toml"), read(join(folder, "config.toml")).replace("pause:1", "pause:2"));
  configure(...containerd(folder));
  expect(read(join(folder, "conf.d/99-nvidia.toml"))).toBe(dropInOf(folder).replace("pause:1", "pause:2"));
});

test("--drop-in-config= changes the main file where it is, and nothing of it is lost", () => {
  const folder = makeFolder({
    "config.toml": MAIN,
    "crio.conf": '# Ours.\n[crio.runtime]\nlog_level = "info" # loud\n',
  });
  configure("--runtime=containerd", `--config=${folder}/config.toml`, "--drop-in-config=");
  expect(read(join(folder, "config.toml"))).toBe(`${MAIN}
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.nvidia]
    runtime_type = "io.containerd.runc.v2"

    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.nvidia.options]
      SystemdCgroup = true
      BinaryName = "/usr/bin/nvidia-container-runtime"
`);
  configure("--runtime=crio", `--config=${folder}/crio.conf`, "--drop-in-config=");
  expect(read(join(folder, "crio.conf"))).toStartWith('# Ours.\n[crio.runtime]\nlog_level = "info" # loud\n');
  expect(read(join(folder, "crio.conf"))).toContain('runtime_path = "/usr/bin/nvidia-container-runtime"');
});

test("cri-o gets a file of its own, and its main file is not touched", () => {
  const folder = makeFolder({ "crio.conf": "[crio]\n" });
  expect(configure(...crio(folder), "--set-as-default").lines).toEqual([
    `info Loading config from ${folder}/crio.conf`,
    `info Wrote updated config to ${folder}/crio.conf.d/99-nvidia.toml`,
    "info It is recommended that crio daemon be restarted.",
  ]);
  expect(read(join(folder, "crio.conf"))).toBe("[crio]\n");
  expect(read(join(folder, "crio.conf.d/99-nvidia.toml"))).toBe(`# Made by berth.

[crio.runtime]
default_runtime = "nvidia"

[crio.runtime.runtimes.nvidia]
runtime_path = "/usr/bin/nvidia-container-runtime"
runtime_type = "oci"
`);
});

test("--config-source=command copies what the engine's program prints", () => {
  const folder = makeFolder({
    "config.toml": "version = 2\n",
    // As an engine does, it prints what was imported since.
    dump: `#!/bin/sh\n[ "$1 $3 $4" = "--config config dump" ] || exit 7\ncd "\${0%/*}"; cat conf.d/99-nvidia.toml 2>/dev/null || cat <<'END'\n${MAIN}END\n`,
    bad: "#!/bin/sh\necho 'no such thing' >&2; exit 1\n",
  });
  for (const name of ["dump", "bad"]) chmodSync(join(folder, name), 0o755);
  const words = [...containerd(folder), "--set-as-default", "--config-source=command"];
  expect(configure(...words, `--executable-path=${folder}/bad`).error).toBe(
    `BERTH-G002 Cannot ask containerd for its configuration: "${folder}/bad --config ${folder}/config.toml config dump" failed: no such thing`,
  );
  expect(configure(...words, `--executable-path=${folder}/dump`).error).toBeUndefined();
  expect(read(join(folder, "conf.d/99-nvidia.toml"))).toBe(dropInOf(folder));
  expect(read(join(folder, "config.toml"))).toBe(`version = 2\nimports = ["${folder}/conf.d/*.toml"]\n`);
  expect(configure(...words, `--executable-path=${folder}/dump`).lines.at(-1)).toStartWith("info No change is needed");
});

test.each([
  [["--runtime=podman"], "BERTH-U001 unrecognized runtime 'podman'"],
  [["--drop-in-config=/x.json"], 'BERTH-U001 docker reads one file only, not "/x.json" too'],
  [["--runtime=crio", "--drop-in-config=x.toml"], 'BERTH-U001 the drop-in file "x.toml" is no absolute path'],
  [["--runtime=containerd", "--nvidia-runtime-path=n"], 'BERTH-U001 the runtime "n" is no absolute path'],
  [["--runtime=containerd", "--config-source=guess"], "BERTH-U001 unrecognized config source 'guess'"],
])("%j is refused", (words, error) => {
  expect(configure(...words)).toEqual({ lines: [], error });
});

test("a file that is no JSON is refused with the place, and stays as it is", () => {
  const folder = makeFolder({ "daemon.json": '{\n  "debug": true,\n}\n' });
  expect(configure(`--config=${folder}/daemon.json`).error).toMatch(/^BERTH-T001 .*daemon\.json.*line 3/);
  expect(read(join(folder, "daemon.json"))).toBe('{\n  "debug": true,\n}\n');
});

test("what has no effect is a warning", () => {
  const folder = makeFolder();
  const config = `--config=${folder}/daemon.json`;
  expect(
    configure(config, "--config-source=command", "--executable-path=/x", "--config-mode=odd").lines.slice(0, 3),
  ).toEqual([
    "warning docker has no command that prints its configuration: the file is read",
    "warning --executable-path has no effect with docker",
    "warning unrecognized config mode 'odd': the file is changed",
  ]);
  expect(configure(...crio(folder), "--cdi.enabled").lines[0]).toBe(
    "warning CDI is always on in cri-o: --cdi.enabled has no effect",
  );
});

test("--dry-run prints the drop-in file and then the main one, and writes nothing", () => {
  const folder = makeFolder({ "config.toml": MAIN });
  expect(printed(...containerd(folder), "--set-as-default", "--dry-run")).toBe(dropInOf(folder) + importing(folder));
  expect(read(join(folder, "config.toml"))).toBe(MAIN);
  expect(existsSync(join(folder, "conf.d"))).toBe(false);
  expect(printed(`--config=${folder}/none/daemon.json`, "--dry-run")).toBe(`${DAEMON_JSON}\n`);
  expect(existsSync(join(folder, "none"))).toBe(false);
});

test("--config-mode=oci-hook writes the JSON of a hook, or prints it", () => {
  const folder = makeFolder();
  const hook = `{
  "version": "1.0.0",
  "hook": {
    "path": "/opt/hook/nvidia-container-runtime-hook",
    "args": [
      "nvidia-container-runtime-hook",
      "prestart"
    ],
    "env": [
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/hook"
    ]
  },
  "when": {
    "always": true,
    "commands": [
      ".*"
    ]
  },
  "stages": [
    "prestart"
  ]
}`;
  const words = [
    "--runtime=crio",
    "--config-mode=oci-hook",
    "--nvidia-runtime-hook-path=/opt/hook/nvidia-container-runtime-hook",
  ];
  expect(printed(...words)).toBe(`${hook}\n`);
  const path = join(folder, "hooks.d/oci-nvidia-hook.json");
  expect(configure(...words, `--oci-hook-path=${path}`).error).toBeUndefined();
  expect(read(path)).toBe(hook);
});
