import { basename, join, resolve } from "node:path";
import { formatPlan, planContainer, type ContainerPlan } from "../apply/index.ts";
import { BerthError, VERSION } from "../base/index.ts";
import { loadConfig } from "../config/index.ts";
import { loadHost } from "../host/index.ts";
import { readBundle } from "../oci/index.ts";
import type { World } from "./context.ts";
import { stateFolder } from "./state-folder.ts";

interface Flags {
  readonly bundle: string;
  readonly json?: boolean;
}

/** `berth inspect --bundle DIR`: what the runtime would do with this bundle now, each item with its reason. Changes nothing in it. */
export function printInspection(this: World, { bundle, json }: Flags): void {
  const dir = resolve(bundle);
  const result = inspect(this, dir);
  if (json === true) this.print(`${JSON.stringify(toJson(result), null, 2)}\n`);
  else if (result.kind === "nothing") this.print(`Nothing: ${result.reason}. config.json would stay as it is.\n`);
  else if (result.kind === "planned") this.print(formatPlan(result));
  if (result.kind === "refused") throw new BerthError(result.problem);
}

function inspect(world: World, dir: string): ContainerPlan {
  const inRoot = join(world.root, "etc/nvidia-container-runtime/config.toml");
  const config = loadConfig({ get: world.env }, world.configSlot ?? (world.root === "/" ? undefined : inRoot));
  const stateDir = stateFolder(world);
  const result = planContainer({
    bundle: readBundle(dir),
    containerId: basename(dir),
    stateDir,
    policy: { supportedCapabilities: config.supportedDriverCapabilities },
    loadHost: (isRefresh) => loadHost(world.root, { stateDir, version: VERSION, isRefresh }).host,
  });
  if (result.kind === "planned") result.rootfs.close();
  return result;
}

/** The stable JSON form: plain fields only. */
function toJson(result: ContainerPlan): unknown {
  switch (result.kind) {
    case "nothing":
      return { kind: result.kind, reason: result.reason };
    case "refused": {
      const { code, message, remedy } = result.problem;
      return { kind: result.kind, problem: { code, message, remedy } };
    }
    case "planned":
      return { kind: result.kind, steps: result.plan.steps, warnings: result.plan.warnings };
  }
}
