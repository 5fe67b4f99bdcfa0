/**
 * Texts that programs and people share: edits of JSON and TOML that leave every other byte as it was, places in a TOML text, and YAML that
 * every reader takes for the same. Knows no content: what is written comes as plain values. RFC 8259, TOML 1.1 (what is written: 1.0).
 */
export { parseConfigText } from "./config-text.ts";
export { missingInJson, removeJson, setJson } from "./json-edit.ts";
export { locateFault, locateValue, type Position } from "./position.ts";
export { addToTomlList, missingInToml, removeFromTomlList, removeToml, setToml } from "./toml-edit.ts";
export type { KeyPath, RemoveOptions, TextTable, TextValue } from "./value.ts";
export { unifiedDiff } from "./unified-diff.ts";
export { formatYaml, type YamlObject, type YamlValue } from "./yaml.ts";
