import { BerthError, escapeControls, printErr, printOut, VERSION } from "../base/index.ts";
import { readEnv, type LaunchRecord } from "../linux/index.ts";
import { formatArgpHelp, formatArgpUsage, formatTry, usageLine, type ArgpCommand } from "./argp-help.ts";
import { allOf, isGiven, parseArgp, type ArgpOutcome, type ArgpValues } from "./argp.ts";
import { readConfigureCall } from "./cli-configure-call.ts";
import { configureContainer } from "./cli-configure.ts";
import { formatInfo, isComplete, lookAtHost } from "./cli-info.ts";
import { listPaths, readListCall } from "./cli-list.ts";
import { openCliLog } from "./cli-log.ts";
import { CONFIGURE, INFO, LIST, PROGRAM } from "./cli-options.ts";
import {
  learnCliHost,
  loadCliHost,
  needsDriver,
  openCliSite,
  readGlobalFlags,
  type CliSite,
  type GlobalFlags,
} from "./cli-site.ts";
import type { CtkWorld } from "./ctk-command.ts";
import { formatPeerError } from "./peer-error.ts";

/** What a command may use beside its own words. */
interface Call {
  readonly values: ArgpValues;
  readonly words: readonly string[];
  readonly global: GlobalFlags;
  readonly site: () => CliSite;
  readonly world: CtkWorld;
  readonly log: (text: string) => void;
}

interface Command extends ArgpCommand {
  readonly run: (call: Call) => void | Promise<void>;
}

const COMMANDS: Readonly<Record<string, Command>> = {
  info: { ...INFO, run: printInfo },
  list: { ...LIST, run: printList },
  configure: { ...CONFIGURE, run: runConfigure },
};

/**
 * `nvidia-container-cli`: information and lists for programs such as Apptainer and Enroot, and `configure` for hooks. Gives back the exit code: 0, or 1 for
 * everything else, wrong usage too. Errors go to stderr in the words of the program that is replaced. Rules: peer-behaviour 1.13 and 8.7.
 */
export async function cliDoor(args: readonly string[], record: LaunchRecord | undefined): Promise<number> {
  const env = (name: string): string | undefined => (record === undefined ? process.env[name] : readEnv(record, name));
  const outer = parseArgp(PROGRAM.options, args, { stopsAtWord: true });
  if (outer.kind !== "parsed") return answer(PROGRAM, outer);
  const [name, ...rest] = outer.words;
  const command = Object.hasOwn(COMMANDS, name ?? "") ? COMMANDS[name ?? ""] : undefined;
  if (command === undefined) return refuseUsage(PROGRAM, name === undefined ? "no command" : `no command "${name}"`);
  const inner = parseArgp(command.options, rest, { stopsAtWord: false });
  if (inner.kind !== "parsed") return answer(command, inner);
  const fault = findWordFault(command, inner.words);
  if (fault !== undefined) return refuseUsage(command, fault);
  const global = readGlobalFlags(outer.values, env);
  const world: CtkWorld = { env, executable: process.execPath, configSlot: record?.config };
  return runOrFail(command, {
    ...inner,
    global,
    world,
    site: () => openCliSite(global, world),
    log: openCliLog(global.debug),
  });
}

async function runOrFail(command: Command, call: Call): Promise<number> {
  call.log(`${command.name}, version ${VERSION}`);
  try {
    await command.run(call);
    return 0;
  } catch (thrown) {
    printErr(formatPeerError(PROGRAM.name, thrown, allOf(call.values, "require")));
    call.log(BerthError.from(thrown).message);
    return 1;
  }
}

function answer(command: ArgpCommand, outcome: Exclude<ArgpOutcome, { kind: "parsed" }>): number {
  if (outcome.kind === "refused") {
    printErr(`${command.name}: ${escapeControls(outcome.why)}\n${formatTry(command.name)}`);
    return 1;
  }
  printOut({ help: formatArgpHelp, usage: formatArgpUsage, version: formatVersion }[outcome.what](command));
  return 0;
}

function formatVersion(): string {
  const platform = process.arch === "arm64" ? "aarch64" : "x86_64";
  return `cli-version: ${VERSION}\nlib-version: ${VERSION}\nbuild compiler: bun ${Bun.version}\nbuild platform: ${platform}\n`;
}

function findWordFault({ words }: ArgpCommand, given: readonly string[]): string | undefined {
  if (words === "" && given.length > 0) return `too many arguments: "${given.join(" ")}"`;
  if (words === "" || given.length === 1) return undefined;
  return given.length === 0 ? `no ${words}` : `too many arguments: "${given.slice(1).join(" ")}"`;
}

function refuseUsage(command: ArgpCommand, why: string): number {
  printErr(`${command.name}: ${escapeControls(why)}\n${usageLine(command)}\n${formatTry(command.name)}`);
  return 1;
}

async function printInfo({ values, site, world, log }: Call): Promise<void> {
  const { host, complaints } = await lookAtHost(site(), world.executable);
  for (const text of [...host.warnings, ...complaints]) log(text);
  printOut(formatInfo(host, isGiven(values, "csv")));
  if (host.unit !== undefined || isComplete(host)) return;
  for (const text of complaints) printErr(`${PROGRAM.name}: warning: ${escapeControls(text)}\n`);
}

async function printList({ values, site: open, world, log }: Call): Promise<void> {
  const site = open();
  const call = readListCall(values);
  const known = loadCliHost(site);
  const { host, complaints } = needsDriver(call.devices ?? [], known)
    ? await learnCliHost(known, site, world.executable)
    : { host: known, complaints: [] };
  for (const text of [...host.warnings, ...complaints]) log(text);
  const paths = listPaths(call, host, site.policy);
  printOut(paths.map((path) => `${path}\n`).join(""));
}

async function runConfigure({ values, words: [rootfs = ""], global, site, log }: Call): Promise<void> {
  const call = readConfigureCall(values, rootfs, global);
  await configureContainer(call, site(), log);
}
