import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { matchesGlob } from "../base/index.ts";
import type { EngineName } from "./engine.ts";
import type { ConfigReader, EngineFacts, EngineWish } from "./wish.ts";

/** Folders with a wish, the files before, the files after, and what is said of it: engine/case. */
export const GOLDEN = join(import.meta.dir, "../../testdata/engine");

/** Paths as below a host's root. */
export type Tree = ReadonlyMap<string, string>;

export interface GoldenCase {
  readonly engine: EngineName;
  readonly name: string;
  readonly folder: string;
  readonly wish: EngineWish;
  readonly facts: EngineFacts;
  readonly before: Tree;
}

export function goldenCases(): readonly GoldenCase[] {
  const engines: readonly EngineName[] = ["docker", "containerd", "podman", "cri-o"];
  return engines.flatMap((engine) =>
    readdirSync(join(GOLDEN, engine))
      .toSorted()
      .map((name): GoldenCase => {
        const folder = join(GOLDEN, engine, name);
        const { wish, facts } = JSON.parse(readFileSync(join(folder, "wish.json"), "utf8"));
        const { runtime, cdi, swarm } = wish;
        return {
          engine,
          name,
          folder,
          wish: { runtime: runtime ?? undefined, cdi, swarm },
          facts,
          before: readTree(join(folder, "before")),
        };
      }),
  );
}

export function readTree(folder: string): Tree {
  if (!existsSync(folder)) return new Map();
  const paths = [...new Bun.Glob("**/*").scanSync({ cwd: folder, dot: true })].toSorted();
  return new Map(paths.map((path) => [`/${path}`, readFileSync(join(folder, path), "utf8")]));
}

export function treeReader(tree: Tree): ConfigReader {
  return {
    read: (path) => tree.get(path),
    list: (pattern) =>
      [...tree.keys()].filter(
        (path) => dirname(path) === dirname(pattern) && matchesGlob(basename(path), basename(pattern)),
      ),
  };
}
