import { run, type Application, type RouteMap } from "@stricli/core";
import type { World } from "../context.ts";

export interface CommandHelp {
  /** `berth sim up` */
  readonly route: string;
  readonly help: string;
}

/** What `--help` prints for every command that is not hidden, in the order of the declarations. */
export async function allHelp(application: Application<World>): Promise<readonly CommandHelp[]> {
  const routes = "getAllEntries" in application.root ? routesOf(application.root) : [];
  return Promise.all(routes.map((words) => helpOf(application, words)));
}

function routesOf(map: RouteMap<World>): readonly (readonly string[])[] {
  return map.getAllEntries().flatMap(({ name, target, hidden }) => {
    const word = name["convert-camel-to-kebab"];
    if (hidden) return [];
    return "getAllEntries" in target ? routesOf(target).map((words) => [word, ...words]) : [[word]];
  });
}

async function helpOf(application: Application<World>, words: readonly string[]): Promise<CommandHelp> {
  let help = "";
  const write = (text: string): void => void (help += text);
  // Help loads no command, so that nothing of this world is asked.
  const world: World = {
    process: { stdout: { write }, stderr: { write } },
    namedRoot: undefined,
    env: () => undefined,
    executable: "",
    configSlot: undefined,
    print: write,
    note: write,
  };
  await run(application, [...words, "--help"], world);
  return { route: ["berth", ...words].join(" "), help };
}
