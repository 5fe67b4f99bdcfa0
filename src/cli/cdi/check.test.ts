import { afterAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { simUp, simUpgrade } from "../../sim/index.ts";
import { runCli } from "../index.ts";

const work = mkdtempSync(join(tmpdir(), "berth-cli-check-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

const DOCKER = { dockerd: "Docker version 26.1.5, build 1" };
const CDI_ON = { features: { cdi: true } };

let count = 0;
/** A simulated host with engines that say a version. */
function up(
  engines: Readonly<Record<string, string>> = DOCKER,
  daemon: object = CDI_ON,
  profile = "rtx4090x2",
): string {
  const { dir } = simUp(join(work, String((count += 1))), profile, { executable: "/opt/berth/berth", standIns: true });
  put(join(dir, "etc/docker/daemon.json"), JSON.stringify(daemon));
  for (const [name, version] of Object.entries(engines))
    put(join(dir, "usr/bin", name), `#!/bin/sh\necho '${version}'\n`, 0o755);
  // The launchers of a host that is simulated without the built berth are not there.
  put(join(dir, "bin/nvidia-cdi-hook"), "", 0o755);
  return dir;
}

function put(path: string, text: string, mode = 0o644): string {
  mkdirSync(dirname(path), { recursive: true });
  rmSync(path, { force: true });
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

async function berth(root: string, ...args: readonly string[]) {
  let out = "";
  let notes = "";
  const surroundings = {
    print: (text: string) => void (out += text),
    note: (text: string) => void (notes += text),
    env: () => undefined,
  };
  const code = await runCli(["--root", root, "cdi", ...args], undefined, surroundings);
  return { code, out, notes };
}

async function check(root: string) {
  const { code, out, notes } = await berth(root, "check");
  expect(notes).toBe("");
  return {
    code,
    lines: out.trimEnd().split("\n"),
    about: (file: string) => out.split("\n").filter((line) => line.startsWith(`${file}:`)),
  };
}

const fileOf = (root: string) => join(root, "var/run/cdi/nvidia.yaml");
const lineOf = (file: string, part: string) =>
  readFileSync(file, "utf8")
    .split("\n")
    .findIndex((line) => line.includes(part)) + 1;

/** A file that somebody else has made. */
function foreign(root: string, edits: string, { version = "0.5.0", name = "x", file = "other.yaml" } = {}): string {
  return put(
    join(root, "etc/cdi", file),
    `cdiVersion: ${version}\nkind: a.b/cd\ndevices:\n  - name: ${name}\n    containerEdits:\n${edits.replace(/^/gm, "      ")}\n`,
  );
}

describe("berth cdi check", () => {
  test("is done where the file that berth has made is right, and says who reads it", async () => {
    const root = up();
    await berth(root, "refresh");
    const { code, lines } = await check(root);
    expect(lines).toEqual([
      `docker 26.1.5: CDI on, reads up to 0.7.0, looks into ${root}/etc/cdi, ${root}/var/run/cdi`,
      `${fileOf(root)}: CDI 0.5.0, nvidia.com/gpu, 11 names; read by docker 26.1.5`,
      "All is well",
    ]);
    expect(code).toBe(0);
  });

  test("is done without a file, and without an engine", async () => {
    const root = up({});
    expect(await check(root)).toMatchObject({
      code: 0,
      lines: [
        "No engine was found that reads CDI files",
        `No CDI file is in ${root}/etc/cdi, ${root}/var/run/cdi`,
        "All is well",
      ],
    });
  });

  test("names the line of a library that was deleted, and the command that mends it", async () => {
    const root = up();
    await berth(root, "refresh");
    const library = join(root, "usr/lib64/libnvidia-ml.so.570.124.06");
    const line = lineOf(fileOf(root), library);
    rmSync(library);
    const { code, about } = await check(root);
    expect(code).toBe(1);
    expect(about(fileOf(root))).toContain(
      `${fileOf(root)}:${line}: error: BERTH-D002: "${library}" does not exist; remedy: berth --root ${root} cdi refresh`,
    );
  });

  test("says for which driver a stale file is and which is loaded, and does not list every dead library", async () => {
    const root = up();
    await berth(root, "refresh");
    simUpgrade(root, "575.57.08");
    const { code, about, lines } = await check(root);
    expect(code).toBe(1);
    expect(about(fileOf(root))[1]).toBe(
      `${fileOf(root)}:${lineOf(fileOf(root), '"570.124.06"')}: error: BERTH-D002: it is for driver 570.124.06, and 575.57.08 is loaded; remedy: berth --root ${root} cdi refresh`,
    );
    expect(about(fileOf(root))).toHaveLength(7);
    expect(lines.at(-2)).toMatch(/: error: \d+ more of its paths are dead \(--json lists them\)$/);
    expect(lines.at(-1)).toBe("1 of 1 files is not well");
  });

  test("warns of a file of berth's that berth would now make otherwise, at the first line that differs", async () => {
    const root = up();
    await berth(root, "refresh");
    const text = readFileSync(fileOf(root), "utf8");
    writeFileSync(fileOf(root), text.replace("permissions: rwm", "permissions: rw"));
    const { code, about } = await check(root);
    expect(code).toBe(0);
    expect(about(fileOf(root))[1]).toContain(
      `:${lineOf(fileOf(root), "permissions: rw")}: warning: from this line on it differs`,
    );
  });

  test.each(["--vendor example.com --class card", "--device-name-strategy uuid", "--format json"])(
    "takes what was chosen for a file of berth's from the file: %s",
    async (line) => {
      const flags = line.split(" ");
      const root = up();
      const output = join(root, `etc/cdi/mine.${flags.includes("json") ? "json" : "yaml"}`);
      await berth(root, "refresh", "--output", output, ...flags);
      expect((await check(root)).about(output)).toHaveLength(1);
    },
  );

  test("is an error of a file that names GPUs on a host that has none any more", async () => {
    const root = up();
    await berth(root, "refresh");
    rmSync(join(root, "proc/driver/nvidia/version"));
    const { code, about } = await check(root);
    expect(code).toBe(1);
    expect(about(fileOf(root))[1]).toContain("error: BERTH-D001: it names GPUs, and this host has none: ");
  });

  test("says file and line of a broken file among good ones, and checks the others", async () => {
    const root = up();
    await berth(root, "refresh");
    const broken = put(join(root, "etc/cdi/broken.yaml"), "cdiVersion: 0.5.0\nkind: {\n");
    const odd = foreign(root, "env: [A=b]\nbogus: 1", { file: "odd.yaml" });
    const { code, about, lines } = await check(root);
    expect(code).toBe(1);
    expect(about(broken)[0]).toMatch(
      new RegExp(`^${broken}:\\d+: error: BERTH-F001: Cannot read the CDI file: .*; remedy: `),
    );
    expect(about(odd)).toEqual([
      expect.stringMatching(/odd\.yaml:7: error: BERTH-F002: Cannot use the CDI file: .*bogus.*; remedy: /),
    ]);
    expect(about(fileOf(root))).toHaveLength(1);
    expect(lines.at(-1)).toBe("2 of 3 files are not well");
  });

  test("finds nodes, files and hooks that are not there or are something else, in another's file", async () => {
    const root = up();
    const plain = put(join(root, "plain"), "");
    const file = foreign(
      root,
      [
        "deviceNodes:",
        "  - path: /dev/none",
        "  - { path: /dev/null, major: 9, minor: 9 }",
        "  - { path: /dev/absent, type: c, major: 9, minor: 9 }",
        "mounts:",
        `  - { hostPath: /no/library.so, containerPath: /x }`,
        "  - { hostPath: tmpfs, containerPath: /y, type: tmpfs }",
        "hooks:",
        `  - { hookName: createContainer, path: ${plain}, env: [A=b] }`,
        "  - { hookName: createContainer, path: /no/hook, args: [a] }",
        "  - { hookName: startContainer, path: /in/the/container }",
      ].join("\n"),
    );
    const { code, about } = await check(root);
    expect(code).toBe(1);
    const rest = `remedy: make it anew with the program that wrote it, or: rm ${file}`;
    expect(about(file).slice(1)).toEqual([
      `${file}:15: warning: the hook "/no/hook" has no env: runc before 1.3 gives it the image's, as root; ${rest}`,
      `${file}:7: error: BERTH-D003: the device node "/dev/none" does not exist; ${rest}`,
      `${file}:8: error: BERTH-D003: "/dev/null" is device 1:3 here, and 9:9 in the file; ${rest}`,
      `${file}:11: error: BERTH-D002: "/no/library.so" does not exist; ${rest}`,
      `${file}:14: error: BERTH-D002: the hook "${plain}" cannot be executed; ${rest}`,
      `${file}:15: error: BERTH-D002: the hook "/no/hook" does not exist; ${rest}`,
    ]);
  });

  test("is an error of a kind with one letter, on which engines crash", async () => {
    const root = up();
    const file = foreign(root, "env: [A=b]");
    writeFileSync(file, readFileSync(file, "utf8").replace("a.b/cd", "a.b/c"));
    const { code, about } = await check(root);
    expect(code).toBe(1);
    expect(about(file)[1]).toStartWith(
      `${file}:2: error: BERTH-F002: the class in "a.b/c" has one letter: docker 26.1.5 crashes when it reads the file; remedy: `,
    );
  });

  test("names both files that define a name", async () => {
    const root = up();
    const one = foreign(root, "env: [A=b]", { file: "1.yaml" });
    const two = foreign(root, "env: [A=c]", { file: "2.yaml" });
    const { code, about } = await check(root);
    expect(code).toBe(1);
    expect(about(one)[1]).toStartWith(
      `${one}:4: error: BERTH-F003: "a.b/cd=x" is also in "${two}", so that no engine can tell`,
    );
    expect(about(two)[1]).toContain(`is also in "${one}"`);
  });

  test("is an error of a version that an engine does not read, even where another one does", async () => {
    const root = up({ ...DOCKER, podman: "podman version 5.4.2" });
    const file = foreign(root, "env: [A=b]", { version: "0.8.0" });
    const { code, about } = await check(root);
    expect(code).toBe(1);
    expect(about(file)).toEqual([
      `${file}: CDI 0.8.0, a.b/cd, 1 name; read by podman 5.4.2`,
      `${file}:1: error: BERTH-F002: docker 26.1.5 does not read CDI 0.8.0, only up to 0.7.0; remedy: install a newer docker, or declare a lower cdiVersion in that line`,
    ]);
  });

  test("is a note of a version of which it is not known", async () => {
    const root = up({ podman: "podman version 5.4.2" });
    const file = foreign(root, "env: [A=b]", { version: "1.0.0" });
    const { code, about } = await check(root);
    expect(code).toBe(0);
    expect(about(file)[1]).toBe(
      `${file}:1: note: whether podman 5.4.2 reads CDI 1.0.0 is not known; up to 0.8.0 it does`,
    );
  });

  test("is an error of a file whose only engine has CDI off; where another reads it, that is said of the engine", async () => {
    const root = up(DOCKER, {});
    const file = foreign(root, "env: [A=b]");
    const alone = await check(root);
    expect(alone.code).toBe(1);
    expect(alone.about(file)).toEqual([
      `${file}: CDI 0.5.0, a.b/cd, 1 name; read by no engine`,
      `${file}: error: CDI is off in docker 26.1.5: before 28.2 it has to be asked for; remedy: set "features": { "cdi": true } in /etc/docker/daemon.json, then: systemctl restart docker`,
    ]);
    put(join(root, "usr/bin/podman"), "#!/bin/sh\necho podman version 5.4.2\n", 0o755);
    const both = await check(root);
    expect([both.code, both.about(file)]).toEqual([0, [`${file}: CDI 0.5.0, a.b/cd, 1 name; read by podman 5.4.2`]]);
    expect(both.lines[1]).toStartWith("  before 28.2 it has to be asked for; remedy: ");
  });

  test("is an error of a file in a folder into which no engine looks; looks into those of engines that the configuration does not name", async () => {
    const root = up(DOCKER, { ...CDI_ON, "cdi-spec-dirs": ["/srv/cdi"] });
    const unseen = foreign(root, "env: [A=b]");
    const seen = put(join(root, "srv/cdi/seen.yaml"), readFileSync(unseen, "utf8").replace("a.b/cd", "d.e/fg"));
    const { code, about } = await check(root);
    expect(code).toBe(1);
    expect(about(unseen)[1]).toBe(
      `${unseen}: error: docker 26.1.5 does not see it: it looks into ${root}/srv/cdi; remedy: cp ${unseen} ${root}/srv/cdi/`,
    );
    expect(about(seen)).toEqual([`${seen}: CDI 0.5.0, d.e/fg, 1 name; read by docker 26.1.5`]);
  });

  test.skipIf(process.geteuid?.() !== 0)("warns of a file that podman without root cannot read", async () => {
    const root = up({ podman: "podman version 5.4.2" });
    const file = foreign(root, "env: [A=b]");
    chmodSync(file, 0o600);
    const { code, about } = await check(root);
    expect(code).toBe(0);
    expect(about(file)[1]).toBe(
      `${file}: warning: users other than root cannot read it, so podman 5.4.2 without root does not see its devices; remedy: chmod 644 ${file}`,
    );
  });

  test("--json has every finding, with null for what is not known", async () => {
    const root = up();
    await berth(root, "refresh");
    simUpgrade(root, "575.57.08");
    put(join(root, "etc/cdi/broken.json"), "{");
    const { code, out } = await berth(root, "check", "--json");
    const { isGood, engines, folders, files } = JSON.parse(out);
    expect(code).toBe(1);
    expect(isGood).toBe(false);
    expect(engines).toMatchObject([
      { name: "docker", version: "26.1.5", cdi: "on", why: null, newestVersion: "0.7.0", isAtLeast: false, doubts: [] },
    ]);
    expect(folders).toHaveLength(2);
    expect(files[0]).toMatchObject({
      path: join(root, "etc/cdi/broken.json"),
      cdiVersion: null,
      kind: null,
      devices: null,
      isOwn: false,
      readBy: [],
    });
    expect(files[1]).toMatchObject({
      cdiVersion: "0.5.0",
      kind: "nvidia.com/gpu",
      isOwn: true,
      readBy: ["docker 26.1.5"],
    });
    expect(files[1].devices).toHaveLength(11);
    expect(files[1].findings.length).toBeGreaterThan(30);
    expect(files[1].findings[1]).toEqual({
      severity: "error",
      code: "BERTH-D002",
      line: expect.any(Number),
      moreLines: [],
      message: expect.any(String),
      remedy: expect.any(String),
    });
  });
});
