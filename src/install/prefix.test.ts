import { afterAll, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkFolders } from "./check-folders.ts";
import { findPrefix } from "./find-prefix.ts";
import { layoutOf, relocate } from "./layout.ts";

const work = realpathSync(mkdtempSync(join(tmpdir(), "berth-prefix-")));
afterAll(() => rmSync(work, { recursive: true, force: true }));
const uid = process.geteuid?.() ?? 0;
const gid = process.getegid?.() ?? 0;
const testAsRoot = test.skipIf(uid !== 0);

function folder(name: string, mode = 0o755): string {
  const path = join(work, name);
  mkdirSync(path, { recursive: true });
  chmodSync(path, mode);
  return path;
}

const check = (prefix: string, who = { uid, gid }) =>
  checkFolders([join(prefix, "bin")], { root: "/", prefix, ...who });
const refusal = (why: string) => expect.objectContaining({ code: "BERTH-I001", message: expect.stringContaining(why) });

test.each([
  ["usr/local", "it is no absolute path"],
  ["/usr/../tmp", "it is no absolute path"],
  ["/opt/my berth", "other characters"],
  ["/opt/100%", "other characters"],
  ["/", "other characters"],
])("the prefix %j is refused: %s", (prefix, why) => {
  expect(() => findPrefix("/", prefix)).toThrow(refusal(why));
});

test("a prefix is taken without the links that lead to it, and need not exist", () => {
  const real = folder("real");
  symlinkSync("real", join(work, "link"));
  expect(findPrefix("/", join(work, "link/new//folder/"))).toBe(join(real, "new/folder"));
});

test("a link that leads out of the root of another machine is refused", () => {
  const root = folder("machine");
  symlinkSync("/tmp", join(root, "opt"));
  expect(() => findPrefix(root, "/opt/berth")).toThrow(refusal("which is not under"));
  expect(findPrefix(root, "/usr/local")).toBe("/usr/local");
});

test("a folder where others may write is refused, and so is a link, a file, and a folder of others above", () => {
  check(folder("good"));
  expect(() => check(folder("open", 0o777))).toThrow(refusal(`"${work}/open" can be written by others`));
  expect(() => check(folder("sticky", 0o1777))).toThrow(refusal("can be written by others"));
  expect(() => check(folder("above/below", 0o755) && folder("above", 0o777) && join(work, "above/below"))).toThrow(
    refusal(`"${work}/above" can be`),
  );
  symlinkSync("good", join(folder("linked"), "bin"));
  expect(() => check(join(work, "linked"))).toThrow(refusal(`"${work}/linked/bin" is a link`));
  writeFileSync(join(folder("filed"), "bin"), "");
  expect(() => check(join(work, "filed"))).toThrow(refusal("is no folder"));
});

test("a folder of one's own in a sticky folder of all, as /tmp has them, is as good as any", () => {
  folder("all", 0o1777);
  check(folder("all/mine"));
});

testAsRoot("a group may write where it is the user's own, and root takes no folder of another user", () => {
  const path = folder("grouped", 0o775);
  chownSync(path, 1234, 1234);
  chmodSync(path, 0o775);
  check(path, { uid: 1234, gid: 1234 });
  expect(() => check(path, { uid: 1234, gid: 99 })).toThrow(refusal("can be written by others"));
  expect(() => check(path, { uid: 0, gid: 0 })).toThrow(refusal("belongs to user 1234"));
});

test("relocate changes the paths of berth and no other", () => {
  const text = "/usr/bin/berth cdi, /usr/lib/berth/berth, /usr/bin/berth-other /usr/bin/systemctl";
  expect(relocate(text, layoutOf("/opt/b"))).toBe(
    "/opt/b/bin/berth cdi, /opt/b/lib/berth/berth, /usr/bin/berth-other /usr/bin/systemctl",
  );
});
