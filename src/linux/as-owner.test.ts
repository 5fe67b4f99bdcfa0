import { afterAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { asOwner } from "./index.ts";

const work = mkdtempSync(join(tmpdir(), "berth-as-owner-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

const FIRST = 100_000;

/** A tmpfs that a user namespace has mounted, whose root is the user 100000 of this machine, for as long as the process lives. */
async function tmpfsOfOthers() {
  const point = join(work, "point");
  mkdirSync(point, { recursive: true });
  chmodSync(work, 0o755);
  const holder = Bun.spawn(["unshare", "--user", "sh", "-c", "echo ready; read line"], {
    stdin: "pipe",
    stdout: "pipe",
  });
  await holder.stdout.getReader().read();
  for (const map of ["uid_map", "gid_map"]) writeFileSync(`/proc/${holder.pid}/${map}`, `0 ${FIRST} 65536`);
  const script = 'mount -t tmpfs -o mode=755 none "$1" && echo mounted; read line';
  const enter = ["nsenter", `--user=/proc/${holder.pid}/ns/user`, "--setuid", "0", "--setgid", "0"];
  const words = [...enter, "unshare", "--mount", "sh", "-c", script, "sh", point];
  const child = Bun.spawn(words, { stdin: "pipe", stdout: "pipe" });
  await child.stdout.getReader().read();
  holder.kill("SIGKILL");
  return { child, folder: `/proc/${child.pid}/root${point}` };
}

function codeOf(run: () => void): unknown {
  try {
    run();
    return undefined;
  } catch (error) {
    return error instanceof Error && "code" in error ? error.code : error;
  }
}

function ownerOf(path: string): readonly number[] {
  const { uid, gid } = statSync(path);
  return [uid, gid];
}

describe.skipIf(process.geteuid?.() !== 0)("a file system of a user namespace (needs root)", () => {
  test("asOwner makes files where root's own number has no place, and is root again afterwards", async () => {
    const { child, folder } = await tmpfsOfOthers();
    const owner = { uid: FIRST, gid: FIRST };
    expect(codeOf(() => writeFileSync(`${folder}/root`, ""))).toBe("EOVERFLOW");
    asOwner(owner, () => writeFileSync(`${folder}/file`, "x"));
    expect(ownerOf(`${folder}/file`)).toEqual([FIRST, FIRST]);
    expect(() =>
      asOwner(owner, () => {
        writeFileSync(`${folder}/before`, "");
        throw new RangeError("no");
      }),
    ).toThrow("no");
    writeFileSync(join(work, "mine"), "");
    expect([ownerOf(`${folder}/before`), ownerOf(join(work, "mine"))]).toEqual([
      [FIRST, FIRST],
      [0, 0],
    ]);
    child.kill("SIGKILL");
  });

  test("asOwner gives back what the work gives, and does it as it is for root's own", () => {
    expect(asOwner({ uid: 0, gid: 0 }, () => "a")).toBe("a");
    expect(asOwner({ uid: FIRST, gid: 7 }, () => "b")).toBe("b");
    const file = join(work, "own");
    asOwner({ uid: 0, gid: 0 }, () => writeFileSync(file, ""));
    expect(ownerOf(file)).toEqual([0, 0]);
  });
});
