/**
 * The container engines of a machine and what each of them knows of CDI: where it looks, whether it looks at all, and which versions of the specification it reads. From
 * their programs' versions and their configuration files; no engine is asked, configured or started. Sources: the engines' own documentation and release history.
 */
export { cdiSupport, type EngineCdi, type EnginePlace } from "./cdi-support.ts";
export { canRead, crashesOnOneLetter, newestVersion, type Newest, type Reading } from "./cdi-versions.ts";
export type { EngineName } from "./engine.ts";
