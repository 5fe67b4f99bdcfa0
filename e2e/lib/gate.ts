import { describe, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";

/** The built programs. */
export const dist = join(import.meta.dir, "../../dist");

export type Need =
  | "runc"
  | "crun"
  | "docker"
  | "dockerd"
  | "docker-compose"
  | "containerd"
  | "ctr"
  | "podman"
  | "newuidmap"
  | "busybox"
  | "gcc"
  | "debootstrap"
  | "strace"
  | "tmux"
  | "dpkg-deb";

/**
 * A group of end-to-end tests that need root, the built berth and the named programs. Where something is missing it is skipped, with the
 * reason printed; with CI set it fails instead.
 */
export function describeWith(needs: readonly Need[], title: string, body: () => void): void {
  const missing = findMissing(needs);
  if (missing.length === 0) return describe(title, body);
  const reason = `${title}: missing ${missing.join(", ")}`;
  if (process.env["CI"] !== undefined && process.env["CI"] !== "") {
    test(title, () => {
      throw new Error(`cannot be skipped in CI: ${reason}`);
    });
    return;
  }
  console.log(`skipped: ${reason}`);
  test.skip(title, () => {});
}

function findMissing(needs: readonly Need[]): string[] {
  const missing: string[] = [];
  if (process.getuid?.() !== 0) missing.push("root");
  if (!existsSync(join(dist, "berth"))) missing.push("dist/berth (npm run build)");
  return [...missing, ...needs.filter((name) => findProgram(name) === null)];
}

const SEARCH = `${process.env["PATH"] ?? ""}:/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin`;

/** The absolute path of a program, in the sbin folders too. */
export function findProgram(name: string): string | null {
  return Bun.which(name, { PATH: SEARCH });
}

/** The same for a program that must be there. */
export function program(name: string): string {
  const path = findProgram(name);
  if (path === null) throw new Error(`"${name}" is not installed: bash scripts/engines.sh`);
  return path;
}
