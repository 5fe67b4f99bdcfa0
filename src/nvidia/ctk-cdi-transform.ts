import { planOutput, saveCdi } from "../apply/index.ts";
import { BerthError, printOut } from "../base/index.ts";
import { formatCdiSpec, readCdiSpec, transformRoot } from "../cdi/index.ts";
import { textOf } from "./command-line.ts";
import type { CtkCall, CtkCommand } from "./ctk-command.ts";

/** `nvidia-ctk cdi transform root` (peer-behaviour 1.8). */
export const CDI_TRANSFORM: CtkCommand = {
  name: "transform",
  usage: "Change a CDI file",
  subcommands: [
    {
      name: "root",
      usage: "Put the paths of a CDI file under another root",
      flags: [
        { kind: "text", name: "from", usage: "the root that the paths are under" },
        { kind: "text", name: "to", usage: "the root that they get" },
        { kind: "text", name: "input", default: "-", usage: "the CDI file; - is stdin" },
        { kind: "text", name: "output", usage: "where it goes; without it stdout" },
        { kind: "text", name: "relative-to", default: "host", usage: "whose paths: host or container" },
      ],
      run: changeRoot,
    },
  ],
};

function changeRoot({ values }: CtkCall): void {
  const relativeTo = textOf(values, "relative-to");
  if (relativeTo !== "host" && relativeTo !== "container") throw refuseSide(relativeTo);
  const spec = readCdiSpec(textOf(values, "input"));
  const changed = transformRoot(spec, { from: textOf(values, "from"), to: textOf(values, "to"), relativeTo });
  const { path, format } = planOutput(textOf(values, "output"), undefined);
  const text = formatCdiSpec(changed, format);
  if (path === "") printOut(text);
  else saveCdi(path, text);
}

function refuseSide(text: string): BerthError {
  const message = `Cannot change the paths of "${text}": --relative-to must be host or container`;
  return new BerthError({ code: "BERTH-U001", message, remedy: "leave --relative-to out for the paths of the host" });
}
