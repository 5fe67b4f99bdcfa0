import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { must } from "../lib/run.ts";
import type { Scope } from "../lib/scope.ts";

export interface OciImage {
  /** With its tag, as "registry.example/debian:e2e". */
  readonly name: string;
  /** The folder with its root file system. */
  readonly tree: string;
  /** As "A=b". */
  readonly env: readonly string[];
  /** What a container of it runs where nobody says what. */
  readonly command?: readonly string[];
}

/** Writes images that share one tree as an OCI image layout in a tar file, and gives its path. Source: image-spec 1.1, image-layout.md. */
export function writeOciArchive(scope: Scope, images: readonly OciImage[]): string {
  const folder = scope.folder("oci");
  mkdirSync(join(folder, "blobs/sha256"), { recursive: true });
  writeFileSync(join(folder, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
  const layers = new Map([...new Set(images.map(({ tree }) => tree))].map((tree) => [tree, addLayer(folder, tree)]));
  const manifests = images.map((image) => {
    const manifest = addManifest(folder, image, layers.get(image.tree));
    return { ...manifest, annotations: { "io.containerd.image.name": image.name } };
  });
  writeFileSync(join(folder, "index.json"), JSON.stringify({ schemaVersion: 2, manifests }));
  must(["tar", "-C", folder, "-cf", `${folder}.tar`, "."]);
  return `${folder}.tar`;
}

interface Blob {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

function addLayer(folder: string, tree: string): Blob {
  const file = join(folder, "layer");
  must(["tar", "-C", tree, "--numeric-owner", "-cf", file, "."]);
  const hash = createHash("sha256").update(readFileSync(file)).digest("hex");
  const size = statSync(file).size;
  renameSync(file, join(folder, "blobs/sha256", hash));
  return { mediaType: "application/vnd.oci.image.layer.v1.tar", digest: `sha256:${hash}`, size };
}

function addManifest(folder: string, { env, command }: OciImage, layer: Blob | undefined): Blob {
  const config = addJson(folder, "application/vnd.oci.image.config.v1+json", {
    architecture: process.arch === "arm64" ? "arm64" : "amd64",
    os: "linux",
    config: { Env: env, ...(command === undefined ? {} : { Cmd: command }) },
    rootfs: { type: "layers", diff_ids: [layer?.digest] },
  });
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  return addJson(folder, mediaType, { schemaVersion: 2, mediaType, config, layers: [layer] });
}

function addJson(folder: string, mediaType: string, value: unknown): Blob {
  const text = JSON.stringify(value);
  const hash = createHash("sha256").update(text).digest("hex");
  writeFileSync(join(folder, "blobs/sha256", hash), text);
  return { mediaType, digest: `sha256:${hash}`, size: Buffer.byteLength(text) };
}
