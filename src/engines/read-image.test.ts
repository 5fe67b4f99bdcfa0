import { afterAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { assert, property, uint8Array } from "fast-check";
import { BerthError, runProgram } from "../base/index.ts";
import { readImage } from "./read-image.ts";
import { listTar } from "./tar.ts";

const work = mkdtempSync(join(tmpdir(), "berth-image-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

const read = (name: string, architecture = "amd64") =>
  readImage(name, { env: (key) => (key === "PATH" ? work : undefined), architecture });

function codeOf(name: string): string {
  try {
    return read(name).name;
  } catch (thrown) {
    const { code, message } = BerthError.from(thrown);
    return `${code}: ${message}`;
  }
}

/** An OCI layout that is written piece by piece. */
class Layout {
  readonly dir = mkdtempSync(join(work, "layout-"));

  blob(value: unknown, extra: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> {
    const text = JSON.stringify(value);
    const hash = createHash("sha256").update(text).digest("hex");
    this.put(`blobs/sha256/${hash}`, text);
    return { mediaType: "application/json", digest: `sha256:${hash}`, size: text.length, ...extra };
  }

  image(
    env: readonly string[],
    architecture = "amd64",
    extra: Readonly<Record<string, unknown>> = {},
  ): Readonly<Record<string, unknown>> {
    const config = this.blob({ architecture, os: "linux", config: { Env: env, Labels: { "a.b": "c", bad: 1 } } });
    return this.blob({ schemaVersion: 2, config, layers: [] }, extra);
  }

  index(...manifests: readonly unknown[]): this {
    return this.put("index.json", JSON.stringify({ schemaVersion: 2, manifests }));
  }

  put(path: string, text: string): this {
    mkdirSync(dirname(join(this.dir, path)), { recursive: true });
    writeFileSync(join(this.dir, path), text);
    return this;
  }

  tar(...options: readonly string[]): string {
    const file = `${this.dir}.tar`;
    const { exitCode, stderr } = runProgram(["tar", ...options, "-C", this.dir, "-cf", file, "."]);
    if (exitCode !== 0) throw new Error(Buffer.from(stderr).toString());
    return file;
  }
}

const named = (name: string) => ({ annotations: { "org.opencontainers.image.ref.name": name } });
const on = (architecture: string) => ({ platform: { architecture, os: "linux" } });

describe("an OCI layout", () => {
  test("is read as a folder, with variables, labels and platform", () => {
    const layout = new Layout();
    layout.index(layout.image(["CUDA_VERSION=12.4.1"]));
    expect(read(layout.dir)).toEqual({
      source: layout.dir,
      name: layout.dir,
      architecture: "amd64",
      os: "linux",
      env: ["CUDA_VERSION=12.4.1"],
      labels: new Map([["a.b", "c"]]),
    });
  });

  test.each(["ustar", "pax", "gnu", "oldgnu", "v7"])(
    "is read as a tar file of the format %s, though a name before it is long",
    (format) => {
      const layout = new Layout();
      layout.index(layout.image(["A=b"]));
      if (format !== "v7") layout.put(`${"long/".repeat(30)}name`, "x");
      expect(read(layout.tar(`--format=${format}`)).env).toEqual(["A=b"]);
    },
  );

  test("of several images has the one that is named, by tag or whole name", () => {
    const layout = new Layout();
    layout.index(
      layout.image(["A=1"], "amd64", named("one")),
      layout.image(["A=2"], "amd64", named("registry.example/x:two")),
    );
    expect(codeOf(layout.dir)).toStartWith("BERTH-Q003: ");
    expect([read(`${layout.dir}:one`).env, read(`oci:${layout.dir}:two`).env]).toEqual([["A=1"], ["A=2"]]);
    expect(codeOf(`${layout.dir}:three`)).toContain("(there are one, registry.example/x:two)");
  });

  test("of several platforms has this machine's, and attestations are no images", () => {
    const layout = new Layout();
    const index = layout.blob({
      schemaVersion: 2,
      manifests: [
        layout.image(["A=arm"], "arm64", on("arm64")),
        layout.image(["A=amd"], "amd64", on("amd64")),
        layout.image([], "unknown", on("unknown")),
      ],
    });
    layout.index(index);
    expect([read(layout.dir).env, read(layout.dir, "arm64").env]).toEqual([["A=amd"], ["A=arm"]]);
  });
});

test("what docker save wrote before it was a layout is read", () => {
  const layout = new Layout();
  layout.put("abc.json", JSON.stringify({ architecture: "amd64", os: "linux", config: { Env: ["A=b"] } }));
  layout.put("manifest.json", JSON.stringify([{ Config: "abc.json", RepoTags: ["x:1"], Layers: [] }]));
  expect(read(layout.tar())).toMatchObject({ name: "x:1", env: ["A=b"] });
});

describe("what is no good image is refused, and says why", () => {
  const digest = `sha256:${"0".repeat(64)}`;
  const rows: readonly (readonly [string, (layout: Layout) => string, why: string])[] = [
    ["nothing there", ({ dir }) => `${dir}/no`, "there is no such file or folder"],
    ["an empty folder", ({ dir }) => dir, 'neither "index.json" nor "manifest.json"'],
    ["no JSON", (layout) => layout.put("index.json", "{").dir, '"index.json" in it is no JSON'],
    ["no image", (layout) => layout.index().dir, "there is no image in it"],
    ["a blob that is missing", (layout) => layout.index({ digest }).dir, "is not in it"],
    [
      "a blob with other content",
      (layout) => layout.put(`blobs/sha256/${"0".repeat(64)}`, "{}").index({ digest }).dir,
      "is not what its name says",
    ],
    [
      "a digest that leads elsewhere",
      (layout) => layout.index({ digest: "sha256:../../../etc/passwd" }).dir,
      "is none of sha256",
    ],
    ["an index that holds itself", (layout) => layout.index({ digest: 7 }).dir, "is none of sha256"],
    ["a file that is no tar", (layout) => layout.put("x", "y".repeat(2000)).dir + "/x", "it is no tar file"],
    ["a packed file", (layout) => layout.index(layout.image([])).tar("--gzip"), "it is packed with gzip"],
    [
      "a file that is too large",
      (layout) => layout.put("index.json", " ".repeat(5 * 1024 * 1024)).tar(),
      "more than 4194304 bytes",
    ],
  ];
  test.each(rows)("%s", (_, make, why) => {
    const said = codeOf(make(new Layout()));
    expect(said).toStartWith("BERTH-Q002: ");
    expect(said).toContain(why);
  });

  test("a link in a folder that leads out of it leads nowhere", () => {
    const layout = new Layout();
    const secret = join(work, "secret.json");
    writeFileSync(secret, JSON.stringify({ manifests: [] }));
    symlinkSync(secret, join(layout.dir, "index.json"));
    expect(codeOf(layout.dir)).toContain('neither "index.json" nor "manifest.json"');
  });

  test("what could be an option, and a name that nobody has", () => {
    expect(codeOf("--help")).toStartWith("BERTH-U001: ");
    expect(codeOf("cuda:12.4")).toBe(
      'BERTH-Q001: Cannot find the image "cuda:12.4": no engine here has it (neither docker nor podman is in PATH)',
    );
  });
});

test("any bytes are a tar file or none, and the look for its entries ends", () => {
  assert(
    property(uint8Array({ maxLength: 2048 }), (bytes) => {
      const entries = listTar((offset, length) => bytes.subarray(offset, offset + length), bytes.length);
      expect([...(entries?.values() ?? [])].every(({ offset, size }) => offset + size <= bytes.length)).toBe(true);
    }),
  );
});
