import { readDocs, readPackaging } from "./packaging.macro.ts" with { type: "macro" };

/** Every file of `packaging/` by its path in there, as the executable holds it. */
export const packagingFiles = (): Readonly<Record<string, string>> => readPackaging();

/** Every page of `docs/` by its name, as the executable holds it. */
export const docPages = (): Readonly<Record<string, string>> => readDocs();
