/**
 * Spell out: what a grant changes in a container, as data. One small file per feature; nothing here touches a file or a spec, and
 * nothing decides. The terms are those of a CDI `containerEdits`, with links and loader entries as data instead of hooks.
 */
export { profileOf } from "./application-profile.ts";
export type { DeviceEdit, Edits, EnvEdit, FileEdit, GroupEdit, LinkEdit, LoaderEdit, MountEdit } from "./edits.ts";
export { libcudaFolders } from "./libcuda-folders.ts";
export { READ_ONLY } from "./mount-options.ts";
export { spellOut } from "./spell-out.ts";
