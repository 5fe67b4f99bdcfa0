import { afterAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { simUp } from "../sim/index.ts";
import { runCli } from "./index.ts";
import { readTail } from "./read-tail.ts";

const work = mkdtempSync(join(tmpdir(), "berth-cli-explain-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));
const host = join(work, "host");
simUp(host, "rtx4090x2", { executable: "/opt/berth/berth", standIns: true });

async function berth(...words: readonly string[]) {
  let out = "";
  const code = await runCli(["--root", host, ...words], undefined, {
    print: (text) => void (out += text),
    note: () => {},
    // No engine's client is there.
    env: (name) => (name === "PATH" ? work : undefined),
  });
  return { code, out };
}

describe("berth explain", () => {
  const MISMATCH = "Failed to initialize NVML: Driver/library version mismatch";

  test("says what, whose words, why, what is here, and what mends it, a line each", async () => {
    const { code, out } = await berth("explain", MISMATCH);
    expect(code).toBe(0);
    expect(out).toMatchInlineSnapshot(`
      "what:    the loaded kernel module and the driver's libraries are of two versions (driver-library-mismatch)
      words:   Driver/library version mismatch
      from:    NVML
      cause:   an update replaced the libraries while the old kernel module stays loaded, or the image brings a driver's libraries of its own
      here:    kernel module and libraries of this machine are both 570.124.06: the other version is in the image
      remedy:  take the driver's libraries out of the image: it gets this machine's
      more:    docs/host.md
      "
    `);
  });

  test("takes words without quotes, and ends with 1 for what is not known", async () => {
    expect((await berth("explain", ...MISMATCH.split(" "))).code).toBe(0);
    const unknown = await berth("explain", "port 8080: address", "already in use");
    expect(unknown.code).toBe(1);
    expect(unknown.out).toMatchInlineSnapshot(`
      "what:    not known
      words:   port 8080: address already in use
      remedy:  berth doctor looks at the whole chain from the driver to the container
      "
    `);
  });

  test("--json has every field, null where nothing is known", async () => {
    const { out } = await berth("explain", "--json", "cannot set both Count and DeviceIDs on device request");
    expect(JSON.parse(out)).toMatchObject({
      kind: "known",
      id: "gpu-count-and-ids",
      row: 41,
      here: null,
      others: [],
      container: null,
    });
    expect(JSON.parse((await berth("explain", "--json", "what else")).out)).toEqual({
      kind: "unknown",
      layers: [],
      quote: "what else",
      container: null,
    });
  });

  test("a word that is neither an error nor a container is BERTH-E001", async () => {
    expect(await berth("explain", "web").catch((error: unknown) => error)).toMatchObject({ code: "BERTH-E001" });
  });
});

test("of a text that is too long the end counts", () => {
  const path = join(work, "long");
  writeFileSync(path, `${"x".repeat(300_000)}the end`);
  const fd = openSync(path, "r");
  expect(Buffer.from(readTail(fd, 7)).toString()).toBe("the end");
  closeSync(fd);
});

describe("berth preflight", () => {
  function layout(env: readonly string[]): string {
    const dir = mkdtempSync(join(work, "image-"));
    mkdirSync(join(dir, "blobs/sha256"), { recursive: true });
    const blob = (value: unknown) => {
      const text = JSON.stringify(value);
      const hash = createHash("sha256").update(text).digest("hex");
      writeFileSync(join(dir, "blobs/sha256", hash), text);
      return { digest: `sha256:${hash}` };
    };
    const architecture = process.arch === "arm64" ? "arm64" : "amd64";
    const config = blob({ architecture, os: "linux", config: { Env: env } });
    writeFileSync(join(dir, "index.json"), JSON.stringify({ manifests: [blob({ config })] }));
    return dir;
  }

  test("says that an image would start, and ends with 0", async () => {
    const { code, out } = await berth("preflight", layout(["CUDA_VERSION=12.4.1", "NVIDIA_REQUIRE_CUDA=cuda>=12.4"]));
    expect(code).toBe(0);
    expect(out).toContain("answer:    would start here\n");
  });

  test("names the smallest driver and the kind of image that would do, and ends with 1", async () => {
    const image = layout(["CUDA_VERSION=13.0.1", "NVIDIA_REQUIRE_CUDA=cuda>=13.0"]);
    const { code, out } = await berth("preflight", image);
    expect(code).toBe(1);
    expect(out.replaceAll(image, "IMAGE").replace(/arm64|amd64/, "ARCH")).toMatchInlineSnapshot(`
      "image:     IMAGE, linux/ARCH
      cuda:      13.0 (CUDA_VERSION=13.0.1)
      demands:   NVIDIA_REQUIRE_CUDA=cuda>=13.0
      driver:    570.124.06, CUDA 12.8
      answer:    would be refused: BERTH-R007: Cannot start this container: its image demands NVIDIA_REQUIRE_CUDA=cuda>=13.0, but the driver 570.124.06 supports CUDA 12.8; forward compatibility would not help: it does not work on this GPU
      remedy:    install driver 580.65.06 or newer, or use an image for an older CUDA, or start it all the same with NVIDIA_DISABLE_REQUIRE=1
      would do:  driver 580.65.06 or newer, or an image for CUDA 12.8 or older
      note:      CUDA 13.0 on a driver for 12.8: programs do not run without forward compatibility; CUDA 13 begins with driver 580.65.06
      "
    `);
  });

  test("--json has every field, null where nothing is known", async () => {
    const { code, out } = await berth("preflight", "--json", "-g", "1", layout([]));
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      verdict: "starts",
      problem: null,
      smallestDriver: null,
      newestCuda: "12.8",
      image: { cuda: null, cudnn: null, codeFor: [], compatPackage: null, conditions: [] },
      driver: "570.124.06",
      gpus: [{ index: 1 }],
      notes: [],
    });
  });

  test("no image is wrong usage", async () => {
    expect(await berth("preflight").catch((error: unknown) => error)).toMatchObject({ code: "BERTH-U001" });
  });
});
