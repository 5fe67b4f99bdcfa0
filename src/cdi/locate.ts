import type { ParsedNode, Range } from "yaml";
import type { Steps } from "./steps.ts";

/**
 * Where the value stands that `steps` lead to, in UTF-16 units; for a field that is not there, its object. JSON is YAML too. Undefined: it cannot
 * be found. Only for a message: it parses the text once more.
 */
export function locate(text: string, steps: Steps): number | undefined {
  const yaml: typeof import("yaml") = require("yaml");
  let node: ParsedNode | null | undefined = yaml.parseDocument(text, {
    schema: "failsafe",
    uniqueKeys: false,
  }).contents;
  let found: Range | undefined = node?.range;
  for (const step of steps) {
    const below: Below = childOf(yaml, node, step);
    node = below.node;
    found = node?.range ?? below.key?.range ?? found;
  }
  return found?.[0];
}

interface Below {
  readonly key?: ParsedNode | undefined;
  readonly node?: ParsedNode | null | undefined;
}

function childOf(yaml: typeof import("yaml"), node: ParsedNode | null | undefined, step: string | number): Below {
  if (yaml.isSeq(node)) return { node: typeof step === "number" ? node.items[step] : undefined };
  const pair = yaml.isMap(node) ? node.items.find(({ key }) => yaml.isScalar(key) && key.value === step) : undefined;
  return { key: pair?.key, node: pair?.value };
}
