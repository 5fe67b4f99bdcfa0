import { checkCdi, refreshWords, type CdiCheck, type CheckedSpec } from "../cdi/check-files.ts";
import type { CdiFinding } from "../cdi/finding.ts";
import { fail, pass, warn, type Check, type Fault, type Remedy } from "../check.ts";
import type { Scene } from "../scene.ts";
import { count } from "../words.ts";

export const cdiSpecs: Check = {
  id: "cdi-specs",
  title: "CDI files name what is here",
  needs: ["config", "driver-libraries", "device-nodes"],
  run: async (scene) => {
    const result = await checkCdi(scene);
    return (
      findWorst(scene, result, "error") ??
      findWorst(scene, result, "warning") ??
      pass(
        result.files.length === 0 ? "there is no CDI file; a runtime needs none" : count(result.files.length, "file"),
      )
    );
  },
};

interface Placed {
  readonly file: CheckedSpec | undefined;
  readonly finding: CdiFinding;
}

/** The first finding of a severity, and how many there are beside it. */
function findWorst(scene: Scene, { files, findings }: CdiCheck, severity: "error" | "warning"): Fault | undefined {
  const all = [
    ...files.flatMap((file) => file.findings.map((finding): Placed => ({ file, finding }))),
    ...findings.map((finding): Placed => ({ file: undefined, finding })),
  ].filter(({ finding }) => finding.severity === severity);
  const [first, ...others] = all;
  if (first === undefined) return undefined;
  const left =
    others.length === 0 ? [] : [`${count(others.length, "more finding")}: ${scene.berth("cdi", "check").join(" ")}`];
  const parts = {
    code: first.finding.code ?? "BERTH-F002",
    cause: describe(first),
    remedy: mend(scene, first),
    more: left,
  } as const;
  return severity === "error" ? fail(parts) : warn(parts);
}

function describe({ file, finding: { line, message } }: Placed): string {
  if (file === undefined) return message;
  return `"${file.path}"${line === undefined ? "" : `, line ${line}`}: ${message}`;
}

/** Only what making a file of berth's own anew mends is a command. */
function mend({ root }: Scene, { file, finding: { remedy = "berth cdi check says more" } }: Placed): Remedy {
  if (file?.isOwn !== true) return { text: remedy };
  const command = ["berth", ...refreshWords(root, file.path)];
  return { text: remedy, ...(remedy === command.join(" ") ? { commands: [command] } : {}) };
}
