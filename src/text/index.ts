/** Text formats that Bun cannot write as other readers need them. Knows no content: what is written comes as plain values. */
export { formatYaml, type YamlObject, type YamlValue } from "./yaml.ts";
