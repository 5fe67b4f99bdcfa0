import { compareVersions } from "../base/index.ts";
import { isOlderVersion, parseCdiVersion, type CdiVersion } from "../cdi/index.ts";
import type { EngineName } from "./engine.ts";

/** What the releases of an engine from one on read. */
interface Row {
  readonly since: string;
  readonly reads: CdiVersion;
  /** Whether some of these releases, or builds of a distribution, read newer ones. */
  readonly isAtLeast: boolean;
}

const from = (since: string, reads: CdiVersion): Row => ({ since, reads, isAtLeast: true });
const exactly = (since: string, reads: CdiVersion): Row => ({ since, reads, isAtLeast: false });

/*
 * An engine reads the versions that its copy of the library container-device-interface lists, and refuses a file of any other: specs-go/version.go, before 1.0.0
 * pkg/cdi/version.go. The library's release says them: v0.3 to v0.8, v1.0 and v1.1 each know the specification of their own number.
 *
 * docker: moby vendor.mod. 25.0 v0.6.2 (moby#46774). 26.1 v0.7.1 (moby#47706; a build of 26.1.5 holds the rules up to 0.7.0). 27 v0.7.2 (vendor.mod of the
 *   27.x branch). 28.0 v0.8.1, replaced by v1.0.1 in April 2025 (moby#49738).
 * containerd: go.mod. 1.7 v0.5.4, its branch v0.6.2 (containerd#9685) and v0.7.2 (#10077) later; a build of 1.7.24 by Debian holds those up to 0.8.0. 2.0 v0.8.1, its branch
 *   v1.0.0 later (#11566). 2.1 v1.0.1 (#11582). 2.2 v1.0.1, its branch v1.1.0 (#12664).
 * podman: go.mod. 4.1 for the specification 0.3.0 (README of container-device-interface). 4.2 v0.4.0, 4.3 v0.5.2, 4.9 v0.6.2, 5.1 v0.7.1 (podman#22280); a build of 5.4.2
 *   holds those up to 0.8.0.
 * cri-o: go.mod. 1.25 v0.4.0, 1.27 v0.5.4 (cri-o#6711), 1.28 v0.6.0, 1.32 v0.8 (#9025), 1.34 v1.0.1, 1.35 v1.1.0 (#9650).
 *
 * The last row of each is the first release that is unknown here: it is taken to read everything.
 */
const READS: Readonly<Record<EngineName, readonly Row[]>> = {
  docker: [from("25", "0.6.0"), exactly("26.1", "0.7.0"), exactly("27", "0.7.0"), from("28", "0.8.0"), from("29", "1.0.0"), exactly("30", "1.1.0")],
  containerd: [from("1.7", "0.5.0"), from("1.7.20", "0.7.0"), from("2.0", "0.8.0"), from("2.1", "1.0.0"), exactly("2.3", "1.1.0")],
  podman: [from("4.1", "0.3.0"), from("4.2", "0.4.0"), from("4.3", "0.5.0"), from("4.9", "0.6.0"), from("5.1", "0.7.0"), from("5.4", "0.8.0"), exactly("6.0", "1.1.0")],
  "cri-o": [from("1.23", "0.3.0"), from("1.25", "0.4.0"), from("1.27", "0.5.0"), from("1.28", "0.6.0"), from("1.32", "0.8.0"), from("1.34", "1.0.0"), exactly("1.35", "1.1.0")],
}; // prettier-ignore

/** The newest version of the specification that an engine is known to read; `isAtLeast`: it may read newer ones. */
export interface Newest {
  readonly version: CdiVersion;
  readonly isAtLeast: boolean;
}

/** What a release ("26.1.5") of an engine reads. Undefined: the release is not known, or it knows no CDI. */
export function newestVersion(name: EngineName, release: string | undefined): Newest | undefined {
  if (release === undefined) return undefined;
  const row = READS[name].findLast(({ since }) => compareVersions(since, release) <= 0);
  return row === undefined ? undefined : { version: row.reads, isAtLeast: row.isAtLeast };
}

export type Reading = "yes" | "no" | "unknown";

/** Whether a release of an engine reads files that declare `declared` ("0.7.0", "v0.7.0"). */
export function canRead(name: EngineName, release: string | undefined, declared: string): Reading {
  const newest = newestVersion(name, release);
  const wanted = parseCdiVersion(declared);
  if (newest === undefined || wanted === undefined) return "unknown";
  if (!isOlderVersion(newest.version, wanted)) return "yes";
  return newest.isAtLeast ? "unknown" : "no";
}

/**
 * Whether an engine ends with a panic when it reads a file whose vendor or class has one letter: every copy of container-device-interface before 1.1.1 does
 * (pkg/parser/parser.go; seen with dockerd 26.1.5, which is gone after it).
 */
export function crashesOnOneLetter(name: EngineName, release: string | undefined): boolean {
  const unknown = READS[name].at(-1)?.since;
  return release !== undefined && unknown !== undefined && compareVersions(release, unknown) < 0;
}
