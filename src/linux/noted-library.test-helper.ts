import { rmSync, writeFileSync } from "node:fs";

/** An ELF note: `text` as the description, in a section of its own. */
export interface NoteOptions {
  readonly section: string;
  readonly owner: string;
  readonly text: string;
}

/** Compiles a shared library with gcc, with a soname and a note where they are given. */
export function compileNotedLibrary(
  output: string,
  options: {
    readonly soname?: string;
    readonly note?: NoteOptions;
    readonly flags?: readonly string[];
    /** In C; undefined: a function of no use. */
    readonly source?: string;
  },
): void {
  const { soname, note, flags = [], source: code = "int one(void) { return 1; }\n" } = options;
  const source = `${output}.c`;
  writeFileSync(source, `${code}${note === undefined ? "" : noteSource(note)}`);
  const named = soname === undefined ? [] : [`-Wl,-soname,${soname}`];
  const argv = ["gcc", "-nostdlib", "-shared", "-fPIC", ...named, ...flags, "-o", output, source];
  const { exitCode, stderr } = Bun.spawnSync(argv);
  rmSync(source);
  if (exitCode !== 0) throw new Error(stderr.toString());
}

/** As an assembler lays a note out: sizes and type, then owner and description, each up to a multiple of four. */
function noteSource({ section, owner, text }: NoteOptions): string {
  const ownerSize = owner.length + 1;
  const lines = [
    `.pushsection ${section},\\"a\\",@note`,
    `.long ${ownerSize}, ${text.length}, 1`,
    `.asciz \\"${owner}\\"`,
    `.skip (${ownerSize} + 3) / 4 * 4 - ${ownerSize}`,
    `.ascii \\"${text.replaceAll('"', '\\\\\\"')}\\"`,
    ".balign 4",
    ".popsection",
  ];
  return `__asm__("${lines.join("\\n")}");\n`;
}
