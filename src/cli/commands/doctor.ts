import { buildCommand } from "@stricli/core";

export const doctor = buildCommand({
  loader: async () => (await import("../doctor.ts")).runDoctor,
  parameters: {
    flags: {
      json: { kind: "boolean", brief: "Print the results as JSON", withNegated: false, optional: true },
      fix: { kind: "boolean", brief: "Run what mends a fault, after showing it", withNegated: false, optional: true },
      only: {
        kind: "parsed",
        parse: String,
        variadic: true,
        brief: "This check, and what it needs; may be given several times",
        placeholder: "CHECK",
        optional: true,
      },
    },
  },
  docs: {
    brief: "Look at the whole chain, from the PCI device to a container, and say what is wrong",
    fullDescription:
      "One line for each check: pass, warn, FAIL or skip. Where something is wrong, the cause with the file or device, and the command that mends it, stand below. A check whose grounds have failed is not looked at. With --fix the commands of a remedy are shown, run, and the check is done again; what would stop containers is asked about on a terminal, and elsewhere not done. Ends with 0 when nothing failed (warnings do not count), 1 when something did, 2 for wrong usage. With --json: isWell and checks; checks[i] has id, title, result (pass, warning, fail, skip), detail (of pass and skip), code, cause, more, remedy (text, commands, disturbs) and, with --fix, mending (isRun, why, commands with argv and failure). What is not there is null.",
  },
});
