import { askChild, errnoCode } from "../base/index.ts";

/** What a program prints, where it ends well in time. */
export async function askProgram(argv: readonly string[], timeoutMs: number): Promise<string | undefined> {
  try {
    return await askChild(argv, { env: {}, timeoutMs }, async (child, reader) => {
      const parts: Uint8Array[] = [];
      for (let part = await reader.read(); !part.done; part = await reader.read())
        parts.push(part.value ?? new Uint8Array());
      return (await child.exited) === 0 ? Buffer.concat(parts).toString() : undefined;
    });
  } catch (thrown) {
    // It cannot be started.
    if (errnoCode(thrown) === undefined) throw thrown;
    return undefined;
  }
}
