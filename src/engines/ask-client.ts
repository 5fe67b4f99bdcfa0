import { errnoCode, escapeControls, runProgram } from "../base/index.ts";

/** How the clients of engines are started, and for whom. */
export interface ClientScene {
  /** A variable of whoever asks, or of the user who is asked for. */
  readonly env: (name: string) => string | undefined;
  /** Milliseconds for each call. */
  readonly timeoutMs: number;
}

/** What the clients go by: where their daemon, their configuration and their storage are. Nothing else of the environment reaches them. */
const PASSED = [
  "PATH", "HOME", "TMPDIR", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "DBUS_SESSION_BUS_ADDRESS", "SSH_AUTH_SOCK",
  "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "DOCKER_API_VERSION",
  "CONTAINER_HOST", "CONTAINER_CONNECTION", "CONTAINER_SSHKEY", "CONTAINERS_CONF", "CONTAINERS_CONF_OVERRIDE", "CONTAINERS_STORAGE_CONF",
  "CONTAINERD_ADDRESS", "CONTAINERD_NAMESPACE",
] as const; // prettier-ignore
/** podman 5 warns of cgroups v1 on each call. */
const FIXED = { LC_ALL: "C", PODMAN_IGNORE_CGROUPSV1_WARNING: "1" };
const USUAL_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export type Said =
  /** What it wrote on both streams. */
  | { readonly isGood: true; readonly text: string; readonly errors: string }
  /** One line: the client's own, or why there is none. */
  | { readonly isGood: false; readonly why: string };

/** A client in the caller's PATH, without the working directory and other relative folders; undefined: it is not installed. */
export function findClient(name: string, { env }: ClientScene): string | undefined {
  const folders = (env("PATH") ?? USUAL_PATH).split(":").filter((folder) => folder.startsWith("/"));
  return Bun.which(name, { PATH: folders.join(":") }) ?? undefined;
}

/** All variables that a client gets. */
export function clientVariables({ env }: ClientScene): Readonly<Record<string, string>> {
  const passed = PASSED.flatMap((name) => {
    const value = env(name);
    return value === undefined ? [] : [[name, value] as const];
  });
  return { PATH: USUAL_PATH, ...Object.fromEntries(passed), ...FIXED };
}

/** More is no answer: a container's log has as many bytes as its image wants. */
const MAX_BYTES = 64 * 1024 * 1024;

/** Runs a client to its end, within the scene's time and a size. */
export function askClient(argv: readonly string[], scene: ClientScene): Said {
  const { timeoutMs } = scene;
  try {
    const options = { env: clientVariables(scene), cwd: "/", timeoutMs, maxBytes: MAX_BYTES };
    const { exitCode, signal, isTimedOut, isTooLong, stdout, stderr } = runProgram(argv, options);
    if (exitCode === 0)
      return { isGood: true, text: Buffer.from(stdout).toString(), errors: Buffer.from(stderr).toString() };
    if (isTooLong) return failed(`it wrote more than ${MAX_BYTES} bytes`);
    if (isTimedOut) return failed(`it did not answer within ${timeoutMs / 1000} seconds`);
    return failed(lastLine(Buffer.from(stderr).toString()) ?? `its client ended with ${exitCode ?? signal}`);
  } catch (thrown) {
    const code = errnoCode(thrown);
    if (code === undefined) throw thrown;
    return failed(`"${argv[0]}" cannot be started: ${code}`);
  }
}

function failed(why: string): Said {
  return { isGood: false, why };
}

/** Without the words by which a client says that it is an error; warnings come before. */
function lastLine(text: string): string | undefined {
  const line = text.trimEnd().split("\n").at(-1)?.trim() ?? "";
  const plain = line.replace(/^(?:Error response from daemon|Error|ctr|docker): /i, "").slice(0, 500);
  return plain === "" ? undefined : escapeControls(plain);
}
