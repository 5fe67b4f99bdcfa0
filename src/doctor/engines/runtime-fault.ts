import { existsSync } from "node:fs";
import type { RuntimeSettings } from "../../engines/index.ts";
import { fail, pass, skip, type Fault, type Finding } from "../check.ts";
import type { Scene } from "../scene.ts";

/** What keeps the engine, or containers of a runtime, from starting: a default that nothing defines, a program that is not there. */
export function findRuntimeFault(
  scene: Pick<Scene, "berth">,
  engine: string,
  { runtimes, chosen, builtIn }: RuntimeSettings,
): Fault | undefined {
  if (chosen !== undefined && !builtIn.test(chosen.name) && !runtimes.some(({ name }) => name === chosen.name)) {
    const cause = `"${chosen.file}" makes "${chosen.name}" the default runtime, and no file of ${engine} defines it`;
    const remedy = orSetUp(scene, engine, chosen.name, `take that line out of ${chosen.file}`);
    return fail({ code: "BERTH-H008", cause, remedy });
  }
  const gone = runtimes.find(({ program }) => program?.startsWith("/") === true && !existsSync(program));
  if (gone === undefined) return undefined;
  const cause = `"${gone.file}" names "${gone.program}" as the runtime "${gone.name}", and it is not there`;
  const remedy = orSetUp(scene, engine, gone.name, `take the runtime "${gone.name}" out of ${gone.file}`);
  return fail({ code: "BERTH-H008", cause, remedy });
}

/** berth tells engines of one runtime, and of no other. */
function orSetUp({ berth }: Pick<Scene, "berth">, engine: string, name: string, otherwise: string): string {
  return name === "nvidia" ? `${berth("setup", engine).join(" ")}; or ${otherwise}` : otherwise;
}

/** Of an engine that has no file: it goes by its own values. */
export function withoutFile(engine: string, path: string, isRunning: boolean): Finding {
  return isRunning ? pass(`there is no "${path}": all is as ${engine} has it`) : skip(`there is no "${path}"`);
}
