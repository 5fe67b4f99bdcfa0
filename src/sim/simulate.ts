import { chmodSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, renameSync, rmSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { BerthError, errnoCode, type ErrorCode } from "../base/index.ts";
import { supportedCuda } from "../host/index.ts";
import { readPrograms } from "./embedded.ts";
import { MARKER_PATH, type Marker, readMarker } from "./marker.ts";
import { mountsBelow } from "./mounts.ts";
import { planTree } from "./plan.ts";
import { DRIVER_VERSION, type SimProfile } from "./profile.ts";
import { findProfile } from "./profiles.ts";
import { changeTree, type NodeKind, writeTree } from "./write-tree.ts";

export interface SimOptions {
  /** The berth that the launchers in DIR/bin start; absolute. */
  readonly executable: string;
  /** Plain files in place of device nodes, as without root; they work nowhere inside a container. */
  readonly standIns?: boolean;
}

export interface SimHost {
  /** Absolute, without links. */
  readonly dir: string;
  readonly profile: SimProfile;
  readonly nodes: NodeKind;
  /** Its launchers: berth, nvidia-container-runtime, nvidia-docker. */
  readonly bin: string;
}

/**
 * Makes `dir` the root of a machine with GPUs. `dir` is missing, empty, or an earlier simulated host, which is replaced
 * with all that was added to it. Throws BERTH-M001.
 */
export function simUp(dir: string, profileName: string, options: SimOptions): SimHost {
  const profile = findProfile(profileName);
  const failure: Failure = { code: "BERTH-M001", task: `Cannot make a simulated host in "${dir}"` };
  return wrap(failure, () => {
    const site = { dir: claimFolder(dir, failure), executable: options.executable };
    const entries = planTree(profile, site, readPrograms());
    const staging = mkdtempSync(`${site.dir}.`);
    try {
      const nodes = writeTree(staging, entries, options.standIns === true ? "stand-ins" : "nodes");
      chmodSync(staging, 0o755);
      putInPlace(staging, site.dir);
      return { dir: site.dir, profile, nodes, bin: join(site.dir, "bin") };
    } finally {
      rmSync(staging, { recursive: true, force: true });
    }
  });
}

/** Removes a simulated host, never following a link. Throws BERTH-M002: `dir` is none, or something is mounted in it. */
export function simDown(dir: string): void {
  const failure: Failure = { code: "BERTH-M002", task: `Cannot take down the simulated host in "${dir}"` };
  wrap(failure, () => {
    const { path } = openHost(dir, failure);
    refuseMounts(path, failure);
    // The marker goes last: what was only half removed can be removed again.
    const others = readdirSync(path).filter((name) => name !== basename(MARKER_PATH));
    for (const name of [...others, basename(MARKER_PATH)]) rmSync(join(path, name), { recursive: true, force: true });
    rmSync(path, { recursive: true });
  });
}

/**
 * Replaces the driver of a simulated host by another version, as a package upgrade and a reboot do: libraries, firmware,
 * loader cache and what the kernel says; device nodes, configuration and berth's state stay. Throws BERTH-M001.
 */
export function simUpgrade(dir: string, driverVersion: string): SimProfile {
  const failure: Failure = { code: "BERTH-M001", task: `Cannot upgrade the simulated driver in "${dir}"` };
  return wrap(failure, () => {
    if (!DRIVER_VERSION.test(driverVersion)) {
      throw failed(failure, `"${driverVersion}" is no driver version`, "name one like 575.57.08");
    }
    const { path, marker } = openHost(dir, failure);
    const before = profileOf(marker);
    if (before.driver === undefined) {
      throw failed(
        failure,
        `the profile "${before.name}" has no driver`,
        "make a host of another profile: berth sim profiles",
      );
    }
    const after = withDriver(findProfile(marker.profile), driverVersion);
    const programs = readPrograms();
    changeTree(path, planTree(before, marker, programs), planTree(after, marker, programs));
    return after;
  });
}

interface Failure {
  readonly code: ErrorCode;
  /** "Cannot take down …". */
  readonly task: string;
}

function failed(failure: Failure, why: string, remedy: string, cause?: unknown): BerthError {
  return new BerthError({ code: failure.code, message: `${failure.task}: ${why}`, remedy }, { cause });
}

function wrap<T>(failure: Failure, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof BerthError || !(error instanceof Error) || errnoCode(error) === undefined) throw error;
    const remedy = "name a folder on a file system that you may write to";
    throw failed(failure, error.message, remedy, error);
  }
}

/** The folder without links, its parents made. Throws when it holds anything but a simulated host. */
function claimFolder(dir: string, failure: Failure): string {
  const remedy = "name a folder that does not exist yet";
  const path = realPath(dir);
  if (path === undefined) return makeParents(resolve(dir));
  if (path === "/") throw failed(failure, "it is the root of this machine", remedy);
  if (!statSync(path).isDirectory()) throw failed(failure, "it is not a folder", remedy);
  if (readMarker(path) !== undefined) refuseMounts(path, failure);
  else if (readdirSync(path).length > 0) throw failed(failure, "it holds files and is no simulated host", remedy);
  return path;
}

function realPath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch (error) {
    if (errnoCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

function makeParents(path: string): string {
  mkdirSync(dirname(path), { recursive: true });
  return join(realpathSync(dirname(path)), basename(path));
}

// An earlier host is renamed away first, so that nobody sees half of each.
function putInPlace(staging: string, dir: string): void {
  if (realPath(dir) === undefined) {
    renameSync(staging, dir);
    return;
  }
  const earlier = `${staging}.earlier`;
  renameSync(dir, earlier);
  try {
    renameSync(staging, dir);
  } catch (error) {
    renameSync(earlier, dir);
    throw error;
  }
  rmSync(earlier, { recursive: true, force: true });
}

function openHost(dir: string, failure: Failure): { readonly path: string; readonly marker: Marker } {
  const path = realPath(dir);
  const marker = path === undefined || path === "/" ? undefined : readMarker(path);
  if (path === undefined || marker === undefined) {
    throw failed(
      failure,
      `it is no simulated host (there is no "${MARKER_PATH}" in it)`,
      "name the folder of berth sim up",
    );
  }
  return { path, marker };
}

function refuseMounts(path: string, failure: Failure): void {
  const [point] = mountsBelow(path);
  if (point === undefined) return;
  throw failed(
    failure,
    `something is mounted at "${point}"`,
    `stop the containers that use it, or run: umount ${point}`,
  );
}

function profileOf(marker: Marker): SimProfile {
  const profile = findProfile(marker.profile);
  return marker.driver === undefined ? profile : withDriver(profile, marker.driver);
}

/** A machine with another driver version, and the CUDA that goes with it. */
function withDriver(profile: SimProfile, version: string): SimProfile {
  const { driver } = profile;
  if (driver === undefined || driver.version === version) return profile;
  return { ...profile, driver: { ...driver, version, cuda: supportedCuda(version)?.version ?? driver.cuda } };
}
