export * from "./edits.ts";
