import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { findContainer, listContainerd, type FindOptions, type FoundContainer } from "../src/engines/index.ts";
import { clientEnv } from "./engines/clients.ts";
import { writeOciArchive } from "./engines/oci-image.ts";
import { importIntoPodman, setUpPodman, setUpRootlessPodman, type Podman } from "./engines/podman.ts";
import { NO_NETWORK } from "./engines/words.ts";
import { debianTree } from "./images/debian.ts";
import { importImage, startContainerd, startDocker, type Containerd, type Docker } from "./lib/daemon.ts";
import { describeWith, program } from "./lib/gate.ts";
import { Scope } from "./lib/scope.ts";

const IMAGE = "example.org/debian:e2e";

describeWith(
  ["docker", "dockerd", "podman", "newuidmap", "containerd", "ctr", "runc", "debootstrap"],
  "a running container is found by the engine that has it",
  () => {
    let scope: Scope;
    let docker: Docker;
    let podman: Podman;
    let containerd: Containerd;
    let options: FindOptions;

    beforeAll(() => {
      scope = new Scope("find");
      const tree = debianTree();
      docker = startDocker(scope, { runtime: "/bin/false" });
      podman = setUpPodman(scope, program("runc"));
      containerd = startContainerd(scope);
      importImage(docker, tree, "debian");
      importIntoPodman(podman, tree, "debian");
      const archive = writeOciArchive(scope, [{ name: IMAGE, tree, env: ["PATH=/usr/bin"] }]);
      for (const namespace of ["default", "k8s.io"])
        expect(containerd.run("--namespace", namespace, "images", "import", archive)).toMatchObject({ status: 0 });
      options = callerOf();
    }, 600_000);

    afterAll(() => scope.close());

    function callerOf(change: Readonly<Record<string, string>> = {}, of: Podman = podman): FindOptions {
      const env = { ...clientEnv(scope, { docker, podman: of, containerd }), ...change };
      return { env: (name) => new Map(Object.entries(env)).get(name) };
    }

    const ofDocker = (name: string, ...args: readonly string[]): string =>
      docker.must("run", "--detach", "--runtime", "runc", "--name", name, ...NO_NETWORK, "debian", ...args);
    const ofPodman = (name: string, ...args: readonly string[]): string =>
      podman.must("run", "--detach", "--name", name, ...NO_NETWORK, "debian", ...args);

    function ofContainerd(namespace: string, id: string, ...args: readonly string[]): void {
      const words = ["--namespace", namespace, "run", "--detach", IMAGE, id, ...args];
      expect(containerd.run(...words)).toMatchObject({ status: 0 });
      scope.defer(() => {
        containerd.run("--namespace", namespace, "tasks", "rm", "--force", id);
        containerd.run("--namespace", namespace, "containers", "rm", id);
      });
    }

    const commandOf = ({ pid }: FoundContainer): string =>
      readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();

    const failureOf = (name: string, from = options): unknown => {
      try {
        return findContainer(name, from);
      } catch (error) {
        return error;
      }
    };

    test("Docker's, by name, whole id and the beginning of one, running and paused", () => {
      const id = ofDocker("ship", "sleep", "1001");
      for (const name of ["ship", id, id.slice(0, 12)]) {
        const found = findContainer(name, options);
        expect(found).toMatchObject({ engine: "docker", id, name: "ship" });
        expect(commandOf(found)).toBe("sleep 1001");
      }
      docker.must("pause", "ship");
      expect(commandOf(findContainer("ship", options))).toBe("sleep 1001");
      docker.must("unpause", "ship");
    });

    test("podman's, by name, whole id and the beginning of one", () => {
      const id = ofPodman("boat", "sleep", "1002");
      for (const name of ["boat", id, id.slice(0, 12)]) {
        const found = findContainer(name, options);
        expect(found).toMatchObject({ engine: "podman", id, name: "boat" });
        expect(commandOf(found)).toBe("sleep 1002");
      }
    });

    test("podman's of a user without rights, whose containers have no control groups", () => {
      const mounts = (etc: string): string => `mount -t overlay overlay -o lowerdir=${etc}:/etc /etc`;
      const rootless = setUpRootlessPodman(scope, program("runc"), { nodes: scope.folder("nodes"), mounts });
      importIntoPodman(rootless, debianTree(), "debian");
      const id = rootless.must("run", "--detach", "--name", "raft", ...NO_NETWORK, "debian", "sleep", "1009");
      const found = findContainer("raft", callerOf({}, rootless));
      expect(found).toMatchObject({ engine: "podman", id });
      expect(commandOf(found)).toBe("sleep 1009");
      expect(readFileSync(`/proc/${found.pid}/cgroup`, "utf8")).not.toContain(id);
    });

    test("containerd's, by the names that its bundle on the disk has", () => {
      const id = "f".repeat(64);
      const names = { "io.kubernetes.cri.container-name": "trainer", "io.kubernetes.cri.sandbox-name": "train-0" };
      const annotations = Object.entries(names).flatMap(([key, value]) => ["--annotation", `${key}=${value}`]);
      const words = ["--namespace", "k8s.io", "run", "--detach", ...annotations, IMAGE, id, "sleep", "600"];
      expect(containerd.run(...words)).toMatchObject({ status: 0 });
      scope.defer(() => void containerd.run("--namespace", "k8s.io", "tasks", "rm", "--force", id));
      // A machine whose containerd has its state where it usually is.
      const root = scope.folder("machine");
      mkdirSync(join(root, "run"));
      symlinkSync(join(dirname(containerd.address), "state"), join(root, "run/containerd"));
      const found = listContainerd(root, new Set([id])).flatMap(({ containers }) => containers);
      expect(found.find((each) => each.id === id)).toMatchObject({ name: "trainer", pod: { name: "train-0" } });
    });

    test("containerd's, of any namespace", () => {
      const id = "c0ffee".padEnd(64, "0");
      ofContainerd("default", "canoe", "sleep", "1003");
      ofContainerd("k8s.io", id, "sleep", "1004");
      expect(commandOf(findContainer("canoe", options))).toBe("sleep 1003");
      const found = findContainer("c0ffee", options);
      expect(found).toMatchObject({ engine: "containerd", id, namespace: "k8s.io" });
      expect(commandOf(found)).toBe("sleep 1004");
      expect(failureOf("canoe", callerOf({ CONTAINERD_NAMESPACE: "k8s.io" }))).toMatchObject({ code: "BERTH-E001" });
    });

    test("of two engines only when it is named", () => {
      ofDocker("twin", "sleep", "1005");
      ofPodman("twin", "sleep", "1006");
      ofContainerd("default", "twin", "sleep", "1007");
      expect(failureOf("twin")).toMatchObject({
        code: "BERTH-E002",
        remedy: "name the engine: --engine docker or --engine podman or --engine containerd",
      });
      const named = (engine: "docker" | "podman" | "containerd"): string =>
        commandOf(findContainer("twin", { ...options, engine }));
      expect([named("docker"), named("podman"), named("containerd")]).toEqual([
        "sleep 1005",
        "sleep 1006",
        "sleep 1007",
      ]);
    });

    test("and not once it has ended", () => {
      ofDocker("wreck", "true");
      docker.must("wait", "wreck");
      expect(failureOf("wreck")).toMatchObject({ code: "BERTH-E003" });
      ofPodman("hulk", "true");
      podman.must("wait", "hulk");
      expect(failureOf("hulk")).toMatchObject({ code: "BERTH-E003" });
    });

    test("or each engine says why there is none", () => {
      const error = failureOf("ghost", callerOf({ DOCKER_HOST: `unix://${scope.dir}/none` }));
      expect(error).toMatchObject({ code: "BERTH-E001" });
      expect(String(error)).toMatch(
        /\(docker: .*Cannot connect to the Docker daemon .*; podman: .*no such container.*; containerd: no such task in .*default/,
      );
    });

    test("and not where the processes are another machine's", () => {
      ofDocker("far", "sleep", "1008");
      const proc = scope.folder("proc");
      expect(failureOf("far", { ...options, proc })).toMatchObject({ code: "BERTH-E004" });
    });
  },
);
