import { askClient, clientVariables, findClient, type ClientScene, type Said } from "../ask-client.ts";
import type { TrialEngine } from "./trial.ts";
import { runClient, type ClientOutput } from "./run-client.ts";

const CLIENTS: Readonly<Record<Exclude<TrialEngine, "runc">, string>> = {
  docker: "docker",
  podman: "podman",
  containerd: "ctr",
};
/** For a socket of this machine where nobody listens. */
const CONNECT = ["--connect-timeout", "5s"];

/** The variables by which a runtime that no engine starts finds its configuration. */
const OF_RUNTIMES = ["NVIDIA_CTK_CONFIG_FILE_PATH", "XDG_CONFIG_HOME"] as const;

/** An engine as a trial speaks to it. */
export interface EngineClient {
  /** Its program, with the words that stand before every command; none for runc alone. */
  readonly argv: readonly string[];
  /** Asks something short. */
  readonly ask: (...words: readonly string[]) => Said;
  /** Runs something that may take its time. */
  readonly run: (argv: readonly string[], timeoutMs: number, stdin?: Uint8Array) => Promise<ClientOutput>;
}

/** The client of an engine, or why there is none. */
export function openClient(engine: TrialEngine, scene: ClientScene): EngineClient | string {
  const run: EngineClient["run"] = (argv, timeoutMs, stdin) => {
    const env = { ...clientVariables(scene), ...(engine === "runc" ? ofRuntimes(scene) : {}) };
    return runClient(argv, { env, timeoutMs, ...(stdin === undefined ? {} : { stdin }) });
  };
  if (engine === "runc") return { argv: [], run, ask: () => ({ isGood: false, why: "runc alone has no client" }) };
  const program = findClient(CLIENTS[engine], scene);
  if (program === undefined) return `there is no "${CLIENTS[engine]}" in PATH`;
  const argv = engine === "containerd" ? [program, ...CONNECT] : [program];
  return { argv, run, ask: (...words) => askClient([...argv, ...words], scene) };
}

function ofRuntimes({ env }: ClientScene): Readonly<Record<string, string>> {
  const set = OF_RUNTIMES.flatMap((name) => {
    const value = env(name);
    return value === undefined ? [] : [[name, value] as const];
  });
  return Object.fromEntries(set);
}
