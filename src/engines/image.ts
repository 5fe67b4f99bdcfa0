import { isTable, textsOf, valueAt } from "./any-value.ts";

/** What an image's configuration says, wherever it came from. */
export interface Image {
  /** "docker", "podman of user 1000", or the file or folder. */
  readonly source: string;
  /** As it was asked for. */
  readonly name: string;
  /** As Go names it: "amd64", "arm64". */
  readonly architecture: string | undefined;
  readonly os: string | undefined;
  /** `NAME=value` */
  readonly env: readonly string[];
  readonly labels: ReadonlyMap<string, string>;
}

type Table = Readonly<Record<string, unknown>>;

/** An image-spec configuration, or an object of `docker image inspect` and `podman image inspect`, which spell the same fields in capitals. */
export function readImageConfig(top: Table, source: string, name: string): Image {
  const config = top["config"] ?? top["Config"];
  const settings = isTable(config) ? config : {};
  return {
    source,
    name,
    architecture: textOf(top["architecture"] ?? top["Architecture"]),
    os: textOf(top["os"] ?? top["Os"]),
    env: textsOf(valueAt(settings, "Env")) ?? [],
    labels: new Map(labelsOf(valueAt(settings, "Labels"))),
  };
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function labelsOf(value: unknown): readonly (readonly [string, string])[] {
  if (!isTable(value)) return [];
  return Object.entries(value).flatMap(([key, text]) => (typeof text === "string" ? [[key, text] as const] : []));
}
