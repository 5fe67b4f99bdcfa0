import { afterAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { cdiSupport, type EngineCdi } from "./index.ts";

const work = mkdtempSync(join(tmpdir(), "berth-engines-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

type Files = Readonly<Record<string, string>>;

let count = 0;
/** A host's root with programs that print their version, and configuration files. */
function makeRoot(programs: Files, files: Files = {}): string {
  const root = join(work, String((count += 1)));
  const put = (path: string, text: string, mode: number): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
    chmodSync(join(root, path), mode);
  };
  mkdirSync(root);
  for (const [path, version] of Object.entries(programs)) put(path, `#!/bin/sh\necho '${version}'\n`, 0o755);
  for (const [path, text] of Object.entries(files)) put(path, text, 0o644);
  return root;
}

/** The one engine of a root, with its folders as the host has them. */
function only(programs: Files, files: Files = {}, userFolder?: string): Omit<EngineCdi, "program"> | undefined {
  const root = makeRoot(programs, files);
  const [first, second] = cdiSupport({ root, userFolder });
  expect(second).toBeUndefined();
  return first === undefined
    ? undefined
    : { ...first, specDirs: first.specDirs.map((folder) => folder.slice(root.length)) };
}

const BOTH = ["/etc/cdi", "/var/run/cdi"];
const docker = (version: string, daemon?: object) =>
  only(
    { "usr/bin/dockerd": `Docker version ${version}, build 1234567` },
    daemon === undefined ? {} : { "etc/docker/daemon.json": JSON.stringify(daemon) },
  );

describe("cdiSupport of docker", () => {
  test.each([
    ["24.0.9", {}, "off", "knows CDI since 25.0"],
    ["26.1.5+dfsg1", {}, "off", "before 28.2 it has to be asked for"],
    ["26.1.5", { features: { cdi: true } }, "on", undefined],
    ["28.1.1", undefined, "off", "before 28.2"],
    ["28.2.0", undefined, "on", undefined],
    ["29.0.1", { features: { cdi: false } }, "off", "daemon.json says so"],
  ])("%s with %j has CDI %s", (version, daemon, kind, why) => {
    const { cdi } = docker(version, daemon) ?? {};
    expect(cdi).toMatchObject({ kind, ...(why === undefined ? {} : { why: expect.stringContaining(why) }) });
  });

  test("has the folders that daemon.json names, none for one that is empty, else both usual ones", () => {
    expect(docker("26.1.5")).toMatchObject({ name: "docker", version: "26.1.5", specDirs: BOTH });
    expect(docker("26.1.5", { "cdi-spec-dirs": ["/a", "/b"] })?.specDirs).toEqual(["/a", "/b"]);
    expect(docker("26.1.5", { "cdi-spec-dirs": [""] })?.specDirs).toEqual([]);
  });

  test("is a doubt where daemon.json cannot be read, and of the version where the program does not say one", () => {
    const broken = only({ "usr/bin/dockerd": "Docker version 28.3.0" }, { "etc/docker/daemon.json": "{" });
    expect(broken).toMatchObject({
      cdi: { kind: "on" },
      doubts: [expect.stringContaining('"/etc/docker/daemon.json" cannot be read')],
    });
    expect(only({ "usr/bin/dockerd": "hello" })).toMatchObject({
      version: undefined,
      newest: undefined,
      cdi: { kind: "unknown" },
    });
  });
});

describe("cdiSupport of containerd", () => {
  const containerd = (version: string, files: Files = {}) =>
    only({ "usr/bin/containerd": `containerd github.com/containerd/containerd/v2 ${version} abc` }, files);
  const plugin = (name: string, lines: string) => `[plugins."${name}"]\n${lines}\n`;
  const V2 = "io.containerd.grpc.v1.cri";
  const V3 = "io.containerd.cri.v1.runtime";

  test.each([
    ["1.6.24~ds1", "", "off"],
    ["1.7.24~ds1", "", "off"],
    ["1.7.24", plugin(V2, "enable_cdi = true"), "on"],
    ["v2.0.0", "", "on"],
    ["v2.0.0", plugin(V3, "enable_cdi = false"), "off"],
    ["v2.0.0", `disabled_plugins = ["cri"]\n`, "off"],
  ])("%s with %j has CDI %s", (version, config, kind) => {
    expect(containerd(version, { "etc/containerd/config.toml": config })).toMatchObject({ cdi: { kind } });
  });

  test("takes what an imported file says before what the main file says; before 2.0 the last file that names the plugin hides the others", () => {
    const files = {
      "etc/containerd/config.toml": `version = 2\nimports = ["/etc/containerd/conf.d/*.toml"]\n${plugin(V2, 'enable_cdi = false\ncdi_spec_dirs = ["/a"]')}`,
      "etc/containerd/conf.d/10.toml": plugin(V2, "enable_cdi = true"),
      "etc/containerd/conf.d/20.toml": plugin(V2, 'cdi_spec_dirs = ["/b", "/c"]'),
    };
    expect(containerd("2.0.4", files)).toMatchObject({ cdi: { kind: "on" }, specDirs: ["/b", "/c"] });
    expect(containerd("1.7.24", files)).toMatchObject({ cdi: { kind: "off" }, specDirs: ["/b", "/c"] });
  });
});

describe("cdiSupport of podman", () => {
  const podman = (version: string, files: Files = {}, userFolder?: string) =>
    only({ "usr/bin/podman": `podman version ${version}` }, files, userFolder);
  const conf = (dirs: string) => `[engine]\ncdi_spec_dirs = ${dirs}\n`;

  test.each([
    ["4.0.3", "off", BOTH],
    ["4.9.3", "on", BOTH],
    ["5.5.1", "on", ["/etc/cdi"]],
    ["5.6.0", "on", BOTH],
  ])("%s has CDI %s, and looks into %j", (version, kind, specDirs) => {
    expect(podman(version)).toMatchObject({ cdi: { kind }, specDirs });
  });

  test("obeys containers.conf since 5.5: the last file counts, and a list can add", () => {
    const files = {
      "usr/share/containers/containers.conf": conf('["/a"]'),
      "etc/containers/containers.conf.d/1.conf": conf('["/b", {append=true}]'),
      "home/me/.config/containers/containers.conf": conf('["/me"]'),
    };
    expect(podman("5.5.0", files)?.specDirs).toEqual(["/a", "/b"]);
    expect(podman("5.5.0", files, "/home/me/.config")?.specDirs).toEqual(["/me"]);
    expect(podman("5.4.2", files)?.specDirs).toEqual(BOTH);
  });
});

describe("cdiSupport", () => {
  test("of cri-o reads crio.conf and its folder", () => {
    const files = { "etc/crio/crio.conf.d/10-x.conf": '[crio.runtime]\ncdi_spec_dirs = ["/x"]\n' };
    expect(only({ "usr/bin/crio": "crio version 1.30.1" }, files)).toMatchObject({
      name: "cri-o",
      version: "1.30.1",
      cdi: { kind: "on" },
      specDirs: ["/x"],
    });
    expect(only({ "usr/bin/crio": "crio version 1.22.0" })?.cdi.kind).toBe("off");
  });

  test("finds no engine where no program is, and follows links as the host does", () => {
    expect(cdiSupport({ root: makeRoot({}) })).toEqual([]);
    const root = makeRoot({ "opt/docker/dockerd": "Docker version 26.1.5" });
    mkdirSync(join(root, "usr/bin"), { recursive: true });
    symlinkSync("/opt/docker/dockerd", join(root, "usr/bin/dockerd"));
    mkdirSync(join(root, "run"));
    mkdirSync(join(root, "var"));
    symlinkSync("/run", join(root, "var/run"));
    expect(cdiSupport({ root })).toMatchObject([
      { program: join(root, "opt/docker/dockerd"), specDirs: [join(root, "etc/cdi"), join(root, "run/cdi")] },
    ]);
  });

  test("does not start a program that others can write", () => {
    const root = makeRoot({ "usr/bin/dockerd": "Docker version 26.1.5" });
    chmodSync(join(root, "usr/bin/dockerd"), 0o777);
    expect(cdiSupport({ root })).toMatchObject([{ version: undefined }]);
  });
});
