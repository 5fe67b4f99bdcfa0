import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Docker } from "../lib/daemon.ts";
import { program } from "../lib/gate.ts";
import type { Output } from "../lib/run.ts";
import type { Scope } from "../lib/scope.ts";

/** The same command as `docker.run`, without waiting for its end. */
export async function runBeside(docker: Docker, args: readonly string[]): Promise<Output> {
  const child = Bun.spawn([program("docker"), "--host", docker.host, ...args], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, status] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { status, stdout, stderr };
}

/** An image with further settings, as "ENV A=b". */
export function deriveImage(docker: Docker, from: string, name: string, changes: readonly string[]): void {
  const id = docker.must("create", "--runtime", "runc", from, "true");
  docker.must("commit", ...changes.flatMap((line) => ["--change", line]), id, name);
  docker.must("rm", id);
}

/** What a container's starts left in its layer. */
export interface LayerTrace {
  /** The lines of `docker diff`, sorted. */
  readonly changes: readonly string[];
  /** Of the bytes of /etc/ld.so.cache. */
  readonly cacheHash: string;
  readonly record: string;
}

/** Reads the layer of a container, running or not. */
export function traceLayer(scope: Scope, docker: Docker, id: string): LayerTrace {
  return {
    changes: docker.must("diff", id).split("\n").toSorted(),
    cacheHash: createHash("sha256")
      .update(copyOut(scope, docker, `${id}:/etc/ld.so.cache`))
      .digest("hex"),
    record: copyOut(scope, docker, `${id}:/etc/ld.so.conf.d/00-berth.conf`).toString(),
  };
}

/** The bytes of a container's file, as "id:/path". */
export function copyOut(scope: Scope, docker: Docker, from: string): Buffer {
  const to = join(scope.folder("copy"), "file");
  docker.must("cp", from, to);
  return readFileSync(to);
}
