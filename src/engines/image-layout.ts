import { BerthError, sha256Of } from "../base/index.ts";
import { isTable, textsOf, valueAt } from "./any-value.ts";
import { openImageFiles, unreadable, type ImageFiles } from "./image-files.ts";
import { readImageConfig, type Image } from "./image.ts";

type Table = Readonly<Record<string, unknown>>;

/** Which image of several is meant. */
export interface Wanted {
  /** "12.4" or "registry.example/debian:12"; undefined: the only one. */
  readonly tag: string | undefined;
  /** As Go names it: "amd64". */
  readonly architecture: string;
}

/** An index of images holds at most one of platforms; there is no need for more. */
const MAX_DEPTH = 4;

interface Place {
  readonly path: string;
  readonly files: ImageFiles;
}

/**
 * The configuration of an image in an OCI layout (image-spec 1.1), or in what docker save wrote before it was one.
 * Throws BERTH-Q002 for what is neither, and Q003 when several images are meant.
 */
export function readLayout(path: string, wanted: Wanted): Image {
  using files = openImageFiles(path);
  const place = { path, files };
  const index = readJson(place, "index.json");
  if (isTable(index))
    return readImageConfig(configOf(place, findManifest(place, index, wanted)), path, wanted.tag ?? path);
  const list = readJson(place, "manifest.json");
  if (Array.isArray(list)) return readSaved(place, list, wanted);
  throw unreadable(
    path,
    'it holds neither "index.json" nor "manifest.json"',
    "save the image again: docker save IMAGE --output FILE",
  );
}

function readJson({ path, files }: Place, name: string): unknown {
  const bytes = files.read(name);
  if (bytes === undefined) return undefined;
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw unreadable(path, `"${name}" in it is no JSON: ${error.message}`, "save the image again");
  }
}

/** What a descriptor leads to, its content held against its digest. */
function readBlob(place: Place, descriptor: unknown): Table {
  const digest = isTable(descriptor) ? descriptor["digest"] : undefined;
  const [, hash] = typeof digest === "string" ? (/^sha256:([0-9a-f]{64})$/.exec(digest) ?? []) : [];
  if (hash === undefined)
    throw unreadable(
      place.path,
      `the digest ${JSON.stringify(digest) ?? "of an entry"} is none of sha256`,
      "save the image again",
    );
  const name = `blobs/sha256/${hash}`;
  const bytes = place.files.read(name);
  if (bytes === undefined) throw unreadable(place.path, `"${name}" is not in it`, "save the image again");
  if (sha256Of(bytes) !== hash)
    throw unreadable(place.path, `"${name}" is not what its name says`, "save the image again");
  const value = readJson(place, name);
  if (!isTable(value)) throw unreadable(place.path, `"${name}" is no JSON object`, "save the image again");
  return value;
}

function configOf(place: Place, manifest: Table): Table {
  return readBlob(place, manifest["config"]);
}

interface Entry {
  readonly descriptor: Table;
  readonly names: readonly string[];
}

/** The manifest that is meant, through an index of platforms where there is one. */
function findManifest(place: Place, index: Table, wanted: Wanted, depth = 0): Table {
  if (depth > MAX_DEPTH) throw unreadable(place.path, "its indexes lead to ever more of them", "save the image again");
  const entries = entriesOf(index);
  const named =
    wanted.tag === undefined ? entries : entries.filter(({ names }) => names.some((name) => isNamed(name, wanted.tag)));
  const fitting = named.filter(({ descriptor }) => architectureOf(descriptor) === wanted.architecture);
  const [found, ...others] = fitting.length > 0 ? fitting : named;
  if (found === undefined) throw noImage(place, wanted, entries);
  const images = new Set([found, ...others].map(({ names }) => names[0] ?? ""));
  if (others.length > 0 && images.size > 1) throw severalImages(place, entries);
  const blob = readBlob(place, found.descriptor);
  return Array.isArray(blob["manifests"]) ? findManifest(place, blob, { ...wanted, tag: undefined }, depth + 1) : blob;
}

/** Without what is no image: the attestations of buildx. */
function entriesOf(index: Table): readonly Entry[] {
  const list = index["manifests"];
  const descriptors = Array.isArray(list) ? list.filter(isTable) : [];
  return descriptors
    .filter((descriptor) => architectureOf(descriptor) !== "unknown")
    .map((descriptor) => {
      const names = ["io.containerd.image.name", "org.opencontainers.image.ref.name"].map((key) =>
        valueAt(descriptor, "annotations", key),
      );
      return { descriptor, names: names.filter((name) => typeof name === "string") };
    });
}

function architectureOf(descriptor: Table): unknown {
  return valueAt(descriptor, "platform", "architecture");
}

function isNamed(name: string, tag = ""): boolean {
  return name === tag || name.endsWith(`:${tag}`) || name.endsWith(`/${tag}`);
}

/** `manifest.json` of docker save: a list of `Config`, the path of a configuration, and `RepoTags`. */
function readSaved(place: Place, list: readonly unknown[], wanted: Wanted): Image {
  const entries = list
    .filter(isTable)
    .map((descriptor) => ({ descriptor, names: textsOf(descriptor["RepoTags"]) ?? [] }));
  const named = entries.filter(
    ({ names }) => wanted.tag === undefined || names.some((name) => isNamed(name, wanted.tag)),
  );
  const [found, ...others] = named;
  if (found === undefined) throw noImage(place, wanted, entries);
  if (others.length > 0) throw severalImages(place, entries);
  const path = found.descriptor["Config"];
  const config = typeof path === "string" ? readJson(place, path) : undefined;
  if (!isTable(config))
    throw unreadable(place.path, "the configuration that its manifest names is not in it", "save the image again");
  return readImageConfig(config, place.path, wanted.tag ?? found.names[0] ?? place.path);
}

function noImage({ path }: Place, { tag }: Wanted, entries: readonly Entry[]): BerthError {
  const there = listNames(entries);
  const why =
    tag === undefined
      ? "there is no image in it"
      : `it has no image "${tag}"${there === "" ? "" : ` (there are ${there})`}`;
  return unreadable(path, why, "save the image again: docker save IMAGE --output FILE");
}

function severalImages({ path }: Place, entries: readonly Entry[]): BerthError {
  return new BerthError({
    code: "BERTH-Q003",
    message: `Cannot tell which image of "${path}" is meant: there are ${listNames(entries)}`,
    remedy: `name one: berth preflight ${path}:TAG`,
  });
}

function listNames(entries: readonly Entry[]): string {
  return entries
    .map(({ names }) => names[0] ?? "one without a name")
    .slice(0, 16)
    .join(", ");
}
