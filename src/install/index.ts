/**
 * Puts berth on a machine and takes it away again: executable, launchers, completions, manual pages, units. A plan is
 * plain data; the package for Debian is laid out by the same one. Nothing is started, enabled or configured here, and
 * no engine is told.
 */
export { checkFolders, type Installer } from "./check-folders.ts";
export { isBuilt, readLauncher } from "./embedded.ts";
export type { InstallEntry } from "./entry.ts";
export { refusePackaged } from "./find-package.ts";
export { findStillNamed } from "./find-still-named.ts";
export { findPrefix } from "./find-prefix.ts";
export { findToolkit, isOurs } from "./find-toolkit.ts";
export { install, type Installed } from "./install.ts";
export { docsOf, layoutOf, type Layout } from "./layout.ts";
export { readManifest } from "./manifest.ts";
export { docPages, packagingFiles } from "./packaging.ts";
export { planInstall, type ManualPage } from "./plan.ts";
export { runSteps } from "./run-steps.ts";
export { uninstall } from "./uninstall.ts";
export { chooseUnits } from "./units.ts";
