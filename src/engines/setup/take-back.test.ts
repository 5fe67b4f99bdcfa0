import { afterAll, expect, test } from "bun:test";
import { array, assert, boolean, constantFrom, dictionary, property, record, tuple } from "fast-check";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sha256Of } from "../../base/index.ts";
import { holdSetups } from "./hold-setups.ts";
import { planSetup } from "./plan-setup.ts";
import { keepOriginal, readRecord, writeRecord } from "./setup-record.ts";
import type { SetupSite, SetupTarget } from "./setup-site.ts";
import { planBack, takeBack } from "./take-back.ts";
import { writeSetup } from "./write-setup.ts";

const work = mkdtempSync(join(tmpdir(), "berth-take-back-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

let count = 0;

interface Host extends SetupSite {
  readonly config: string;
}

/** A host of its own, with this daemon.json. */
function makeHost(text: string | undefined): Host {
  const root = join(work, `${(count += 1)}`);
  mkdirSync(root, { mode: 0o755 });
  const config = join(root, "etc/docker/daemon.json");
  if (text !== undefined) {
    mkdirSync(join(root, "etc/docker"), { recursive: true });
    writeFileSync(config, text);
  }
  let at = 0;
  return {
    root,
    isOnMachine: false,
    stateDir: join(root, "var/lib/berth"),
    lockDir: join(root, "run/berth"),
    scene: { root, env: () => undefined, timeoutMs: 1000 },
    now: () => new Date(1_700_000_000_000 + (at += 1)),
    config,
  };
}

const target = ({ root }: SetupSite, engine: SetupTarget["engine"] = "docker"): SetupTarget => ({
  engine,
  title: engine,
  fileRoot: root,
  facts: { release: "26.1.5" },
  program: undefined,
  daemon: undefined,
  clientEnv: {},
});

interface Wish {
  readonly path?: string;
  readonly isDefault?: boolean;
  readonly cdi?: boolean;
}

function setUp(
  host: Host,
  { path = "/usr/bin/nvidia-container-runtime", isDefault = false, cdi = false }: Wish = {},
): void {
  writeSetup(host, planSetup(target(host), { runtime: { name: "nvidia", path, isDefault }, cdi }));
}

const undo = (host: Host): readonly string[] => takeBack(host, () => true).map(({ kind }) => kind);
const text = ({ config }: Host): string | undefined => (existsSync(config) ? readFileSync(config, "utf8") : undefined);

test("a file comes back byte for byte, however it was written and however often it was set up", () => {
  const blanks = constantFrom("", " ", "\n", "\r\n\t");
  const file = tuple(
    dictionary(constantFrom("debug", "log-level", "features", "runtimes", "a"), constantFrom<unknown>({}, true)),
    constantFrom(0, 2, "\t"),
    blanks,
    blanks,
  ).map(([value, space, before, after]) => before + JSON.stringify(withTables(value), undefined, space) + after);
  const wish = record({ isDefault: boolean(), cdi: boolean(), path: constantFrom("/a", "/b") });
  const holds = property(file, array(wish, { minLength: 1, maxLength: 4 }), (own, wishes) => {
    const host = makeHost(own);
    for (const each of wishes) setUp(host, each);
    undo(host);
    expect(text(host)).toBe(own);
    expect(readdirSync(join(host.stateDir))).toEqual([]);
  });
  assert(holds, { numRuns: 25 });
}, 60_000);

/** Keys of dockerd that are tables. */
function withTables(value: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [key, key === "features" || key === "runtimes" ? {} : each]),
  );
}

test("a file that berth had made goes, and the folders that were made for it", () => {
  const host = makeHost(undefined);
  setUp(host);
  expect(text(host)).toContain("nvidia");
  expect(undo(host)).toEqual(["removed"]);
  expect(readdirSync(host.root).toSorted()).toEqual(["run", "var"]);
});

test("a folder that others use meanwhile stays", () => {
  const host = makeHost(undefined);
  setUp(host);
  writeFileSync(join(host.root, "etc/docker/key.json"), "{}");
  undo(host);
  expect(readdirSync(join(host.root, "etc/docker"))).toEqual(["key.json"]);
});

test("of a file that others have changed since only berth's part goes, whichever setup it is of", () => {
  const host = makeHost('{\n  "debug": false\n}\n');
  setUp(host);
  writeFileSync(host.config, text(host)?.replace("false", "true") ?? "");
  setUp(host, { isDefault: true });
  expect(undo(host)).toEqual(["cleaned"]);
  expect(text(host)).toBe('{\n  "debug": true\n}\n');
});

test("a file that others have removed since stays away, and one that they gave back stays as it is", () => {
  const gone = makeHost("{}");
  setUp(gone);
  rmSync(gone.config);
  expect(undo(gone)).toEqual(["kept"]);
  expect(text(gone)).toBeUndefined();
  const back = makeHost("{}");
  setUp(back);
  writeFileSync(back.config, "{}");
  expect(undo(back)).toEqual(["kept"]);
  expect(text(back)).toBe("{}");
});

test("one that was killed after its record and before its file is taken back without a change", () => {
  const host = makeHost('{"debug": true}');
  setUp(host);
  const { layers } = readRecord(host.stateDir);
  writeFileSync(host.config, '{"debug": true}');
  expect(planBack(host, layers).map(({ kind }) => kind)).toEqual(["kept"]);
  undo(host);
  expect(readRecord(host.stateDir).layers).toEqual([]);
});

test("engines are taken back one by one", () => {
  const host = makeHost("{}");
  setUp(host);
  const wish = { runtime: { name: "nvidia", path: "/a", isDefault: false }, cdi: false };
  writeSetup(host, planSetup(target(host, "podman"), wish));
  const steps = takeBack(host, ({ engine }) => engine === "podman");
  expect(steps.map(({ path, kind }) => [path, kind])).toEqual([
    [join(host.root, "etc/containers/containers.conf.d/99-berth.conf"), "removed"],
  ]);
  expect(readRecord(host.stateDir).layers.map(({ engine }) => engine)).toEqual(["docker"]);
  expect(existsSync(join(host.root, "etc/containers"))).toBeFalse();
});

test("nothing to write is nothing to take back", () => {
  const host = makeHost("{}");
  setUp(host);
  setUp(host);
  expect(readRecord(host.stateDir).layers).toHaveLength(1);
});

test("a change by another program between reading and writing is kept, and ours with it", () => {
  const host = makeHost('{"debug": false}');
  const planned = planSetup(target(host), { runtime: { name: "nvidia", path: "/a", isDefault: false }, cdi: false });
  writeFileSync(host.config, '{"debug": true}');
  writeSetup(host, planned);
  expect(JSON.parse(text(host) ?? "")).toEqual({ debug: true, runtimes: { nvidia: { args: [], path: "/a" } } });
  expect(undo(host)).toEqual(["restored"]);
  expect(text(host)).toBe('{"debug": true}');
});

test("a file that was left as it is only for a moment, by an --undo that was killed, becomes what it was to become", () => {
  for (const leadsTo of ["{}", undefined]) {
    const host = makeHost(leadsTo);
    setUp(host);
    const { layers } = readRecord(host.stateDir);
    const moment = '{"runtimes": {}}';
    const passing = {
      digest: sha256Of(moment),
      leadsTo: leadsTo === undefined ? undefined : keepOriginal(host.stateDir, Buffer.from(leadsTo)),
      isCleaned: false,
    };
    const files = layers.flatMap((layer) => layer.files.map((file) => ({ ...file, passing })));
    writeRecord(host.stateDir, { layers: layers.map((layer) => ({ ...layer, files })) });
    writeFileSync(host.config, moment);
    undo(host);
    expect(text(host)).toBe(leadsTo);
  }
});

test("what another host's root has for links and records takes back no file of this machine", () => {
  const host = makeHost('{"debug": true}');
  setUp(host);
  const outside = join(work, "outside");
  renameSync(join(host.root, "etc"), outside);
  symlinkSync(outside, join(host.root, "etc"));
  const there = readFileSync(join(outside, "docker/daemon.json"), "utf8");
  expect(planBack(host, readRecord(host.stateDir).layers).map(({ kind, before }) => [kind, before])).toEqual([
    ["kept", undefined],
  ]);
  expect(() => undo(host)).toThrow(expect.objectContaining({ code: "BERTH-T004" }));
  expect(readFileSync(join(outside, "docker/daemon.json"), "utf8")).toBe(there);
  const leading = { version: 1, layers: [], cdiFile: "/../etc/cdi/nvidia.yaml" };
  writeFileSync(join(host.stateDir, "setup.json"), JSON.stringify(leading));
  expect(() => readRecord(host.stateDir)).toThrow(expect.objectContaining({ code: "BERTH-G012" }));
});

test("folders for the record that are links in another host's root are not used: what nobody names is removed there", () => {
  const host = makeHost("{}");
  const outside = join(work, "others");
  for (const folder of [outside, host.stateDir]) mkdirSync(folder, { recursive: true });
  writeFileSync(join(outside, "theirs"), "");
  symlinkSync(outside, join(host.stateDir, "setup"));
  const refused = expect.objectContaining({ code: "BERTH-G012" });
  expect(() => holdSetups(host)).toThrow(refused);
  rmSync(join(host.stateDir, "setup"));
  holdSetups(host)[Symbol.dispose]();
  rmSync(join(host.root, "run"), { recursive: true });
  symlinkSync(outside, join(host.root, "run"));
  expect(() => holdSetups(host)).toThrow(refused);
  expect(readdirSync(outside)).toEqual(["theirs"]);
});
