import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { must } from "../../e2e/lib/run.ts";
import { Scope } from "../../e2e/lib/scope.ts";
import { setConfig, simHost, type SimHost } from "../../e2e/lib/sim-host.ts";
import { HOLD, HOLD_LEASE } from "./scripts.ts";
import { Tally } from "./tally.ts";

export interface ChaosOptions {
  readonly processes: number;
  readonly seconds: number;
  /** What the containers ask for in place of what is drawn: with "0" all share a GPU, which the witness has to see. */
  readonly ask: string | undefined;
  /** The driver is asked at each start, which takes more than a second. */
  readonly isChecked: boolean;
}

/** What all clients share. */
export interface World {
  readonly options: ChaosOptions;
  readonly scope: Scope;
  readonly host: SimHost;
  readonly berth: readonly string[];
  /** The low-level runtime's root. */
  readonly state: string;
  /** Mounted in each container: a file to lock for each GPU, and what was seen. */
  readonly witness: string;
  /** The first part of every container's id. */
  readonly prefix: string;
  /** Control groups of containers. */
  readonly groups: Set<string>;
  readonly image: string;
  readonly tally: Tally;
  readonly isOver: () => boolean;
}

/** A simulated host of 8 GPUs with an empty store, an image, and the witness. */
export function makeWorld(options: ChaosOptions): World {
  const scope = new Scope("chaos");
  const host = simHost(scope, "h100x8");
  // Ids are held against leases as wishes are, so that the witness may watch every GPU.
  const keys = ['lease-policy = "deny"', ...(options.isChecked ? [] : ["lease-unchecked = true"])];
  setConfig(host, ["[berth]", ["[berth]", ...keys].join("\n")]);
  const witness = scope.folder("witness");
  addFlock(join(witness, "lib"));
  writeFileSync(join(witness, "hold.sh"), HOLD);
  writeFileSync(join(witness, "hold-lease.sh"), HOLD_LEASE);
  const end = performance.now() + options.seconds * 1000;
  return {
    options,
    scope,
    host,
    berth: [join(host.bin, "berth"), "--root", host.dir],
    state: scope.folder("state"),
    witness,
    prefix: `berth-chaos-${process.pid}`,
    groups: new Set(),
    image: makeImage(scope),
    tally: new Tally(),
    isOver: () => performance.now() >= end,
  };
}

function makeImage(scope: Scope): string {
  const image = scope.folder("image");
  for (const folder of ["bin", "dev", "etc", "proc", "sys", "tmp", "witness"]) mkdirSync(join(image, folder));
  copyFileSync(Bun.which("busybox") ?? "/bin/busybox", join(image, "bin/busybox"));
  chmodSync(join(image, "bin/busybox"), 0o755);
  return image;
}

/** The machine's flock with its C library: that of busybox is not always there. */
function addFlock(folder: string): void {
  mkdirSync(folder);
  const flock = Bun.which("flock") ?? "/usr/bin/flock";
  const listed = must(["ldd", flock]);
  const loader = /^\s*(\/\S*ld-linux\S*)/m.exec(listed)?.[1] ?? "";
  const library = /libc\.so\.6 => (\S+)/.exec(listed)?.[1] ?? "";
  for (const [from, to] of [
    [flock, "flock"],
    [loader, "loader"],
    [library, "libc.so.6"],
  ] as const) {
    copyFileSync(from, join(folder, to));
    chmodSync(join(folder, to), 0o755);
  }
}
