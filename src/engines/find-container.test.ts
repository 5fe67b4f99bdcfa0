import { afterAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BerthError } from "../base/index.ts";
import { findContainer, type FindOptions } from "./find-container.ts";

const work = mkdtempSync(join(tmpdir(), "berth-engines-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

const [ID, OTHER] = ["3cadf9bb69a2".padEnd(64, "1"), "3cad00000000".padEnd(64, "2")];

/** What `container inspect` prints, as docker 28 and podman 5 do, without what is not read. */
function inspection(
  change: { id?: string; name?: string; pid?: number; status?: string; startedAt?: string } = {},
): string {
  const {
    id = ID,
    name = "/web",
    pid = 4711,
    status = "running",
    startedAt = "2026-01-02T03:04:05.678901234Z",
  } = change;
  const state = { Status: status, Running: pid > 0, Pid: pid, StartedAt: startedAt };
  return JSON.stringify([{ Id: id, Created: startedAt, State: state, Name: name, Config: { Env: ["A=b"] } }]);
}

interface Machine {
  /** Shell scripts by the name of the client. */
  readonly clients: Readonly<Record<string, string>>;
  /** The text of /proc/PID/cgroup. */
  readonly processes?: Readonly<Record<number, string>>;
}

let count = 0;

/** A machine with these clients and processes, as options. */
function machine(
  { clients, processes = {} }: Machine,
  env: Readonly<Record<string, string>> = {},
): FindOptions & { dir: string } {
  const dir = join(work, String((count += 1)));
  mkdirSync(join(dir, "bin"), { recursive: true });
  for (const [name, script] of Object.entries(clients)) {
    writeFileSync(join(dir, "bin", name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(dir, "bin", name), 0o755);
  }
  mkdirSync(join(dir, "proc"));
  writeFileSync(join(dir, "proc/stat"), "cpu 1 2\nbtime 1767323000\n");
  for (const [pid, groups] of Object.entries(processes)) {
    mkdirSync(join(dir, "proc", pid));
    writeFileSync(join(dir, "proc", pid, "cgroup"), groups);
  }
  const all: Readonly<Record<string, string>> = { PATH: `${dir}/bin`, ...env };
  return { dir, env: (name) => all[name], proc: join(dir, "proc"), asker: { uid: 1000, passwd: "/etc/passwd" } };
}

const says = (text: string): string => `echo '${text}'`;
const fails = (text: string): string => `echo '${text}' >&2; exit 1`;
const TABLE = "TASK    PID    STATUS    ";
const ctr = (tasks: Readonly<Record<string, string>>): string => {
  const cases = Object.entries(tasks).map(([name, lines]) => `*"--namespace ${name} "*) echo "${TABLE}\n${lines}";;`);
  return `case "$*" in *namespaces*) echo "${Object.keys(tasks).join("\n")}";; ${cases.join(" ")} esac`;
};
const ABSENT = {
  docker: fails("Error response from daemon: No such container: web"),
  podman: fails("Error: no such container web"),
};
const inGroup = (id: string): string =>
  `9:pids:/system.slice/docker-${id}.scope\n0::/system.slice/docker-${id}.scope\n`;

/** The error's code and message. */
function failure(name: string, options: FindOptions): string {
  try {
    return `found ${findContainer(name, options).id}`;
  } catch (error) {
    return error instanceof BerthError ? `${error.code}: ${error.message}` : String(error);
  }
}

describe("findContainer", () => {
  test("finds a container of Docker by name, with its whole id and first process", () => {
    const options = machine({ clients: { ...ABSENT, docker: says(inspection()) }, processes: { 4711: inGroup(ID) } });
    const found = { engine: "docker", id: ID, name: "web", pid: 4711, namespace: undefined, user: undefined } as const;
    expect(findContainer("web", options)).toEqual(found);
    expect(findContainer("3cadf9", { ...options, engine: "docker" })).toEqual(found);
  });

  test("finds a container of podman, and a task of containerd in any namespace", () => {
    const podman = says(inspection({ name: "web" }));
    const groups = `0::/user.slice/libpod-${ID}.scope/container\n`;
    expect(findContainer("web", machine({ clients: { podman }, processes: { 4711: groups } })).engine).toBe("podman");
    const options = machine({
      clients: { ctr: ctr({ default: "", "k8s.io": `${ID}    12    RUNNING\n${OTHER}    13    PAUSED` }) },
      processes: { 12: `0::/kubepods.slice/cri-containerd-${ID}.scope\n`, 13: `1:cpu:/kubepods/${OTHER}\n` },
    });
    expect(findContainer("3cadf", options)).toMatchObject({
      engine: "containerd",
      id: ID,
      namespace: "k8s.io",
      pid: 12,
    });
    expect(findContainer(OTHER, options)).toMatchObject({ pid: 13, name: OTHER });
  });

  test("takes no beginning of an id that people choose themselves", () => {
    const options = machine({
      clients: { ctr: ctr({ default: "web-1    12    RUNNING" }) },
      processes: { 12: "0::/default/web-1\n" },
    });
    expect(findContainer("web-1", options).pid).toBe(12);
    expect(failure("web", options)).toStartWith("BERTH-E001");
  });

  test("takes a container of Docker's, which is one of containerd's too, and podman's docker, once", () => {
    const clients = {
      docker: says(inspection()),
      podman: says(inspection()),
      ctr: ctr({ moby: `${ID}    4711    RUNNING` }),
    };
    expect(findContainer(ID, machine({ clients, processes: { 4711: inGroup(ID) } })).engine).toBe("docker");
  });

  test("asks for the engine where two have the name, and finds it with the engine named", () => {
    const clients = { docker: says(inspection()), podman: says(inspection({ id: OTHER, pid: 4712 })) };
    const options = machine({ clients, processes: { 4711: inGroup(ID), 4712: inGroup(OTHER) } });
    expect(failure("web", options)).toBe(
      `BERTH-E002: Cannot tell which container "web" is: there are 2 (docker: ${ID}; podman: ${OTHER})`,
    );
    expect(() => findContainer("web", options)).toThrow(
      expect.objectContaining({ remedy: "name the engine: --engine docker or --engine podman" }),
    );
    expect(findContainer("web", { ...options, engine: "podman" }).pid).toBe(4712);
  });

  test("takes the one that is named so before one whose id begins so, and the one that runs before one that does not", () => {
    const docker = says(inspection({ id: OTHER, pid: 4712 }));
    const podman = says(inspection({ name: "3cad" }));
    const options = machine({ clients: { docker, podman }, processes: { 4711: inGroup(ID), 4712: inGroup(OTHER) } });
    expect(findContainer("3cad", options).engine).toBe("podman");
    const stopped = says(inspection({ pid: 0, status: "exited" }));
    const clients = { docker: stopped, podman: says(inspection()) };
    expect(findContainer("web", machine({ clients, processes: { 4711: inGroup(ID) } })).engine).toBe("podman");
    expect(failure("web", machine({ clients: { docker: stopped } }))).toBe(
      'BERTH-E003: Cannot reach the container "web" of docker: it does not run (exited)',
    );
    expect(failure("t", machine({ clients: { ctr: ctr({ default: "t    12    STOPPED" }) } }))).toContain("E003");
  });

  test("asks for the whole id or the namespace where containerd has two", () => {
    const clients = { ctr: ctr({ a: "job    12    RUNNING", b: "job    13    RUNNING" }) };
    const processes = { 12: "0::/a/job\n", 13: "0::/b/job\n" };
    expect(failure("job", machine({ clients, processes }))).toBe(
      'BERTH-E002: Cannot tell which container "job" is: there are 2 (containerd, namespace "a": job; containerd, namespace "b": job)',
    );
    expect(findContainer("job", machine({ clients, processes }, { CONTAINERD_NAMESPACE: "b" })).pid).toBe(13);
  });

  test("says which engines were asked and what each said", () => {
    const clients = {
      docker: fails(
        "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
      ),
      podman: fails('time="x" level=warning msg="old cgroups"\nError: no such container web'),
      ctr: ctr({ default: "", moby: "" }),
    };
    expect(failure("web", machine({ clients }))).toBe(
      'BERTH-E001: Cannot find the container "web": no engine has it (docker: Cannot connect to the Docker daemon at unix:///var/run/docker.sock. ' +
        "Is the docker daemon running?; podman: no such container web; containerd: no such task in default, moby)",
    );
    expect(failure("web", machine({ clients: {} }))).toEndWith(
      '(docker: there is no "docker" in PATH; podman: there is no "podman" in PATH; containerd: there is no "ctr" in PATH)',
    );
    expect(failure("web", { ...machine({ clients }), engine: "podman" })).toEndWith("(podman: no such container web)");
    expect(failure("web", machine({ clients: { docker: says("[]") } }))).toContain(
      "docker: its answer cannot be understood",
    );
  });

  test("does not wait for a daemon that hangs, and asks the others", () => {
    const clients = { docker: "exec sleep 60", podman: says(inspection()) };
    const options = { ...machine({ clients, processes: { 4711: inGroup(ID) } }, { PATH: "" }), timeoutMs: 200 };
    const env = (name: string): string | undefined =>
      name === "PATH" ? `${options.dir}/bin:/usr/bin:/bin` : undefined;
    expect(findContainer("web", { ...options, env, engine: "podman" }).pid).toBe(4711);
    expect(failure("web", { ...options, env, engine: "docker" })).toEndWith(
      "(docker: it did not answer within 0.2 seconds)",
    );
  });

  test("refuses a process that is not that container's on this machine, as a remote engine names it", () => {
    const message = 'BERTH-E004: Cannot reach the container "web" of docker: process 4711,';
    const clients = { docker: says(inspection()) };
    expect(failure("web", machine({ clients }))).toStartWith(message);
    expect(failure("web", machine({ clients, processes: { 4711: "0::/user.slice/session-1.scope\n" } }))).toStartWith(
      message,
    );
    expect(failure("web", machine({ clients, processes: { 4711: inGroup(OTHER) } }))).toStartWith(message);
  });

  test("gives the client the caller's daemon, and nothing else of the environment", () => {
    const options = machine(
      {
        clients: {
          docker: 'echo "$DOCKER_HOST $DOCKER_CONTEXT ${LD_PRELOAD-none} ${BUN_OPTIONS-none} $*" >&2; exit 1',
        },
      },
      { DOCKER_HOST: "ssh://there", DOCKER_CONTEXT: "c", LD_PRELOAD: "", BUN_OPTIONS: "--inspect" },
    );
    expect(failure("web", { ...options, engine: "docker" })).toEndWith(
      "(docker: ssh://there c none none container inspect -- web)",
    );
  });

  test("takes no client from a relative folder of PATH", () => {
    const { dir } = machine({ clients: { docker: says(inspection()) } });
    const env = (): string => `bin:.:`;
    expect(failure("web", { env, engine: "docker", proc: `${dir}/proc` })).toContain('there is no "docker" in PATH');
  });

  test.each(["", "-f", "--help", "../x", "a b", "a/b", "a\n", "a".repeat(300)])(
    "refuses %j, which is no name",
    (name) => {
      expect(failure(name, machine({ clients: { docker: says(inspection()) } }))).toStartWith("BERTH-U001");
    },
  );

  const testAsRoot = test.skipIf(process.geteuid?.() !== 0);
  testAsRoot(
    "asks the podman of the user behind sudo as that user, and believes it of that user's processes alone",
    () => {
      const podman = `test "$(id -u)" = 65534 || { echo "Error: no such container web" >&2; exit 1; }
test "$HOME $XDG_RUNTIME_DIR \${CONTAINER_HOST-none}" = "/home/x /run/user/65534 none" || exit 3
${says(inspection())}`;
      const passwd = join(work, "passwd");
      writeFileSync(passwd, "root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/home/x:/bin/sh\n");
      chmodSync(work, 0o755);
      const options = machine({
        clients: { podman },
        processes: { 4711: inGroup(ID) },
      });
      const all: Readonly<Record<string, string>> = {
        PATH: `${options.dir}/bin:/usr/bin:/bin`,
        SUDO_UID: "65534",
        CONTAINER_HOST: "ssh://x",
      };
      const asRoot: FindOptions = { ...options, env: (name) => all[name], engine: "podman", asker: { uid: 0, passwd } };
      const map = join(options.dir, "proc/4711/uid_map");
      writeFileSync(map, "         0      65534          1\n         1     300000      65536\n");
      expect(failure("web", asRoot)).toBe(`found ${ID}`);
      for (const foreign of ["0 0 4294967295\n", "0 1000 1\n1 100000 65536\n"]) {
        writeFileSync(map, foreign);
        expect(failure("web", asRoot)).toStartWith("BERTH-E004");
      }
    },
  );
});
