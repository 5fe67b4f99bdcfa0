/** berth's own commands: parsing and printing. The work is done by the folders below. */
export { runCli } from "./run.ts";
