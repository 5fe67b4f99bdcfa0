/** A program whose output is read as it comes. */
export type AskedChild = Bun.Subprocess<"ignore", "pipe", "ignore">;
export type ChildReader = { read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }> };

/** How a program is started, and how long it has. */
export interface AskOptions {
  /** All of its environment: nothing of the caller's reaches it. */
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
}

/** Starts a program in "/" of which nothing but its output is heard. Throws what starting it throws. */
export function startChild(argv: readonly string[], env: AskOptions["env"]): AskedChild {
  return Bun.spawn([...argv], { cwd: "/", env, stdin: "ignore", stdout: "pipe", stderr: "ignore" });
}

/**
 * Starts a program as `startChild` does and gives what `read` makes of its output; undefined: that took longer than `timeoutMs`. In
 * any case it then gets SIGKILL and is left to itself, since one that sleeps inside a driver cannot be killed. Throws
 * what starting it throws.
 */
export async function askChild<T>(
  argv: readonly string[],
  { env, timeoutMs }: AskOptions,
  read: (child: AskedChild, reader: ChildReader) => Promise<T>,
): Promise<T | undefined> {
  const child = startChild(argv, env);
  const reader = child.stdout.getReader();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), timeoutMs);
  });
  try {
    return await Promise.race([read(child, reader), late]);
  } finally {
    clearTimeout(timer);
    child.kill("SIGKILL");
    child.unref();
    await reader.cancel();
  }
}
