import { splitList } from "../base/index.ts";
import { checkConfigText } from "../config/index.ts";
import { changeText, HEADING, readTable, type Place } from "./change-text.ts";
import { textAt } from "./config-values.ts";
import { swarmVariable } from "./swarm-entries.ts";
import type { Changed } from "./wish.ts";

const KEY = "swarm-resource";

/**
 * Makes the runtime's `config.toml` name the variable of a kind, beside those that it names already: without it a task
 * of Swarm gets no GPU. Throws T001, and C001 and C002 for a file that the runtime would refuse.
 */
export function nameSwarmVariable(path: string, text: string | undefined, kind: string): Changed {
  const place: Place = { path, format: "toml" };
  checkConfigText(path, text ?? "");
  const names = splitList(textAt(readTable(place, text ?? ""), [KEY]) ?? "");
  const variable = swarmVariable(kind);
  const wants = names.includes(variable) ? [] : [{ path: [KEY], value: [...names, variable].join() }];
  return changeText(place, text, wants, HEADING);
}
