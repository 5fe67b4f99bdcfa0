import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { BerthError } from "../base/index.ts";
import { loadConfig } from "../config/index.ts";
import { simUp } from "../sim/index.ts";
import type { Check, Finding } from "./check.ts";
import { CHECKS } from "./checks.ts";
import { examine } from "./examine.ts";
import type { Result } from "./result.ts";
import { openScene, type SceneInput } from "./scene.ts";

/** Hosts for one file of tests, gone when `[Symbol.dispose]` is called. */
export function makeHosts(name: string) {
  const work = mkdtempSync(join(tmpdir(), `berth-doctor-${name}-`));
  let count = 0;
  /** A low-level runtime for machines that have none. */
  put(join(work, "bin/runc"), "#!/bin/sh\n", 0o755);
  return {
    work,
    /** A simulated host, gone when it is disposed of. */
    up: (profile: string, nodes: "nodes" | "stand-ins" = "stand-ins") => {
      const folder = join(work, String((count += 1)));
      const { dir } = simUp(folder, profile, { executable: "/opt/berth/berth", standIns: nodes === "stand-ins" });
      return { dir, [Symbol.dispose]: () => rmSync(dir, { recursive: true, force: true }) };
    },
    /** A root with these files: text, "-> target" for a link. */
    root: (files: Readonly<Record<string, string>>): string => {
      const dir = join(work, String((count += 1)));
      mkdirSync(dir);
      put(join(dir, ".berth-sim"), "");
      for (const [path, text] of Object.entries(files)) put(join(dir, path), text);
      return dir;
    },
    /** `executable`: the program that is started to ask the driver; without it none is. */
    input: (root: string, executable = "/opt/berth/berth"): SceneInput => ({ ...inputOf(root, work), executable }),
    remove: (): void => rmSync(work, { recursive: true, force: true }),
  };
}

export function put(path: string, text: string, mode = 0o644): void {
  mkdirSync(dirname(path), { recursive: true });
  rmSync(path, { recursive: true, force: true });
  if (text.startsWith("-> ")) return symlinkSync(text.slice(3), path);
  writeFileSync(path, text);
  chmodSync(path, mode);
}

function inputOf(root: string, work: string): Omit<SceneInput, "executable"> {
  const base = {
    root,
    stateDir: join(root, "run/berth"),
    env: (name: string) => (name === "PATH" ? `${work}/bin` : undefined),
  };
  const read = (path: string) => loadConfig({ get: () => undefined }, path);
  try {
    const config = read(join(root, "etc/nvidia-container-runtime/config.toml"));
    return { ...base, config, configProblem: undefined };
  } catch (thrown) {
    return { ...base, config: read("/nonexistent/config.toml"), configProblem: BerthError.from(thrown) };
  }
}

/** All checks, or those given. */
export function examineAll(input: SceneInput, checks: readonly Check[] = CHECKS): Promise<readonly Result[]> {
  return examine(input, { checks });
}

/** "fail driver-module" for each that has a fault. */
export function faultsOf(results: readonly Result[]): readonly string[] {
  return results
    .filter(({ finding }) => finding.kind === "fail" || finding.kind === "warning")
    .map(({ check, finding }) => `${finding.kind} ${check.id}`);
}

/** What one check says of a root. */
export async function ask(check: Check, input: SceneInput): Promise<Finding> {
  return check.run(openScene(input));
}

/** The finding as one line: "fail BERTH-D001: cause", "pass: detail". */
export function say(finding: Finding, root: string): string {
  const text =
    finding.kind === "pass"
      ? `pass: ${finding.detail}`
      : finding.kind === "skip"
        ? `skip: ${finding.why}`
        : `${finding.kind} ${finding.code}: ${finding.cause} => ${finding.remedy.text}`;
  return text.replaceAll(root, "ROOT");
}
