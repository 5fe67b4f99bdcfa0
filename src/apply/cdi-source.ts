import type { Config } from "../config/index.ts";
import type { CdiFiles } from "../request/index.ts";
import type { CdiSource, cdiSource } from "./cdi-files.ts";

/** The machine's CDI files, read when the first name is looked for: a start without a qualified name must not pay for reading YAML. */
export function lazyFiles({ root, modes }: Config): CdiFiles & Pick<CdiSource, "inject"> {
  let source: CdiSource | undefined;
  const load = (): CdiSource => {
    const files: { readonly cdiSource: typeof cdiSource } = require("./cdi-files.ts");
    return (source ??= files.cdiSource(root, modes.cdiSpecDirs));
  };
  return {
    hasKind: (kind) => load().hasKind(kind),
    find: (name) => load().find(name),
    inject: (spec, names) => load().inject(spec, names),
  };
}
