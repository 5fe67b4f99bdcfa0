import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { loadConfig, type Config } from "./index.ts";

/** A folder for configuration files, which is removed with it. */
export function configFolder() {
  const folder = mkdtempSync(join(tmpdir(), "berth-config-"));
  const path = join(folder, "config.toml");
  const write = (text: string | Uint8Array, at = path): string => {
    mkdirSync(dirname(at), { recursive: true });
    writeFileSync(at, text);
    return at;
  };
  return {
    folder,
    path,
    write,
    load: (text: string): Config => loadConfig({ get: () => undefined }, write(text)),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true }),
  };
}

/** The message with which a call fails; "" for one that does not. */
export function messageOf(call: () => unknown): string {
  try {
    call();
    return "";
  } catch (thrown) {
    return thrown instanceof Error ? thrown.message : String(thrown);
  }
}
