import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { must } from "./run.ts";
import type { Scope } from "./scope.ts";

/** Traps for a program that obeys an environment or a folder of others. Whatever runs foreign code leaves the name of the running program behind. */
export interface Traps {
  /** Variables that the dynamic loader, Bun and Node obey. */
  readonly env: Readonly<Record<string, string>>;
  /** Puts the traps of a program's current folder into one; `evil.so` is there, too. */
  readonly plant: (folder: string) => void;
  /** The programs that foreign code ran in since the last look. */
  readonly takeRan: () => readonly string[];
}

/** Compiles the traps. */
export function makeTraps(scope: Scope): Traps {
  const folder = scope.folder("evil");
  const [ran, library, script] = ["ran", "evil.so", "evil.ts"].map((name) => join(folder, name));
  if (ran === undefined || library === undefined || script === undefined) throw new TypeError("three files");
  writeFileSync(join(folder, "evil.c"), evilLibrary(ran));
  must(["gcc", "-shared", "-fPIC", "-o", library, join(folder, "evil.c")]);
  const text = `require("node:fs").appendFileSync(${JSON.stringify(ran)}, process.execPath + "\\n");\n`;
  writeFileSync(script, text);
  return {
    env: {
      LD_PRELOAD: `${library}:/proc/self/cwd/evil.so`,
      BUN_OPTIONS: `--preload ${script}`,
      BUN_INSPECT: "127.0.0.1:49877",
      BUN_INSPECT_PRELOAD: script,
      NODE_OPTIONS: `--require ${script}`,
    },
    plant: (into) => {
      must(["cp", library, join(into, "evil.so")]);
      writeFileSync(join(into, "evil.ts"), text);
      writeFileSync(join(into, "bunfig.toml"), 'preload = ["./evil.ts"]\n');
      writeFileSync(join(into, ".env"), `LD_PRELOAD=${library}\nBUN_OPTIONS=--preload ${script}\nPATH=/evil\n`);
      writeFileSync(join(into, "package.json"), '{"type": "module", "imports": {"node:fs": "./evil.ts"}}\n');
      writeFileSync(join(into, "tsconfig.json"), '{"compilerOptions": {"paths": {"*": ["./evil.ts"]}}}\n');
      mkdirSync(join(into, "node_modules/fs"), { recursive: true });
      writeFileSync(join(into, "node_modules/fs/index.js"), text);
    },
    takeRan: () => {
      if (!existsSync(ran)) return [];
      const lines = readFileSync(ran, "utf8").trimEnd().split("\n");
      rmSync(ran);
      return lines;
    },
  };
}

function evilLibrary(ran: string): string {
  return `#include <stdio.h>
#include <unistd.h>
__attribute__((constructor)) static void note(void)
{
    char path[4096];
    FILE *file = fopen("${ran}", "a");
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    if (file && length > 0) { path[length] = 0; fprintf(file, "%s\\n", path); }
    if (file) fclose(file);
}
`;
}
