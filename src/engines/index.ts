/**
 * The container engines of a machine: what each of them knows of CDI, from their programs' versions and their configuration files, without asking one; and which running
 * container a name means, by their own clients. No engine is configured or started. Sources: the engines' own documentation and release history.
 */
export { cdiSupport, type EngineCdi, type EnginePlace } from "./cdi-support.ts";
export { canRead, crashesOnOneLetter, newestVersion, type Newest, type Reading } from "./cdi-versions.ts";
export { CONTAINER_ENGINES, type ContainerEngine, type FoundContainer } from "./container.ts";
export type { EngineName } from "./engine.ts";
export { findContainer, type FindOptions } from "./find-container.ts";
