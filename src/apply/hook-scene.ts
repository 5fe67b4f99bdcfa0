import { isAbsolute, join, resolve } from "node:path";
import { BerthError, errnoCode, isJsonObject, parseJson, type JsonObject } from "../base/index.ts";
import type { MountEdit } from "../edits/index.ts";
import { isMountShared, mountFiles, readMountTable, type LiveFile, type Root } from "../linux/index.ts";
import { mountsOf, namespacesOf, readBundle, rootfsPath, textAt, type Bundle, type OciMount } from "../oci/index.ts";
import { cleanPath, isWithin } from "./paths.ts";

/** A container between its mounts and its first program, as a createContainer hook finds it. */
export interface HookScene {
  /** The root file system, on this machine, in the container's mount namespace. */
  readonly rootfs: string;
  readonly bundleDir: string;
  /** `config.json`, which says whose the container's mounts are. */
  readonly spec: JsonObject;
}

/**
 * The container that a hook is called for: from the state that the low-level runtime gives it (OCI runtime specification 1.3, "State"), crun's `root` in it before the
 * bundle's own. Where `config.json` cannot be read, as with some user namespaces, the mount table says where the root file system is and what is mounted. Throws BERTH-S001
 * to S005.
 */
export function readHookScene(bytes: Uint8Array): HookScene {
  const state = parseJson(bytes, "the container's state");
  const bundleDir = isJsonObject(state) ? textAt(state, "", "bundle") : undefined;
  if (!isJsonObject(state) || bundleDir === undefined || !isAbsolute(bundleDir)) throw noBundle();
  const root = textAt(state, "", "root");
  const { rootfs, bundle } = findRootfs(bundleDir, root);
  if (rootfs === "/" || rootfs === bundleDir) throw noBundle();
  return { rootfs, bundleDir, spec: bundle?.spec ?? specOfMounts(rootfs) };
}

function findRootfs(dir: string, root: string | undefined): { rootfs: string; bundle: Bundle | undefined } {
  try {
    const bundle = readBundle(dir);
    return { bundle, rootfs: root === undefined ? rootfsPath(bundle) : resolve(dir, root) };
  } catch (error) {
    if (!(error instanceof BerthError) || error.code !== "BERTH-S001") throw error;
    const rootfs = root === undefined ? rootOfMounts(error) : resolve(dir, root);
    if (rootfs === undefined) throw error;
    return { bundle: undefined, rootfs };
  }
}

/** The one folder here that has file systems of its own on /proc and /dev, as each container has, if a user namespace hides `config.json`. */
function rootOfMounts({ cause }: BerthError): string | undefined {
  if (errnoCode(cause) !== "EACCES") return undefined;
  const table = readMountTable();
  const points = new Set(table.map(({ point }) => point));
  const roots = table.flatMap(({ point, type }) =>
    type === "proc" && point.endsWith("/proc") ? [point.slice(0, -5)] : [],
  );
  const [found, ...others] = new Set(roots.filter((root) => points.has(root) && points.has(`${root}/dev`)));
  return others.length === 0 ? found : undefined;
}

function noBundle(): BerthError {
  return new BerthError({
    code: "BERTH-S001",
    message: "Cannot tell which container this hook is for: its state names no bundle with a root file system",
    remedy: "leave it to the low-level runtime to start this hook; by hand: --container-spec FILE with an OCI state",
  });
}

/**
 * Mounts files for this container alone. Where it shares mounts with the machine (all, having no mount namespace in its spec, or those in a volume) it does without: what is
 * mounted for it there would stay on the machine. Gives back what it does without, a sentence each.
 */
export function mountForContainer({ spec }: HookScene, whole: Root, files: readonly LiveFile[]): readonly string[] {
  const namespaces = namespacesOf(spec);
  const isOwn = namespaces.length === 0 || namespaces.some(({ type }) => type === "mount");
  if (!isOwn || files.length === 0) return [];
  const table = readMountTable();
  const isRootShared = isMountShared(whole, "/", table);
  const shared = new Set(files.filter(({ path }) => isRootShared || isMountShared(whole, path, table)));
  mountFiles(
    whole,
    files.filter((file) => !shared.has(file)),
  );
  return [...shared].map(({ path }) => `"${path}" stays as it is: what is mounted there would show on the host`);
}

/** What is mounted now, as a spec would list it. A tmpfs counts as the container's own only on /dev. */
function specOfMounts(rootfs: string): JsonObject {
  const below = readMountTable().filter(({ point }) => point !== rootfs && isWithin(point, rootfs));
  return {
    mounts: below.map(({ point, type }) => {
      const destination = point.slice(rootfs.length);
      const isOwn = type !== "tmpfs" || destination === "/dev";
      return { destination, type, source: join(rootfs, destination), options: isOwn ? [] : ["bind"] };
    }),
  };
}

/** The container's bind mounts, as far as they matter to the record of its layer. */
export function layerMounts(spec: JsonObject): readonly MountEdit[] {
  return mountsOf(spec)
    .filter(isBind)
    .map(({ destination, source, options }) => {
      return {
        hostPath: source,
        containerPath: cleanPath(destination),
        kind: "config",
        options,
        reason: "mounted by the engine",
      };
    });
}

function isBind({ type, options }: OciMount): boolean {
  return type === "bind" || options.includes("bind") || options.includes("rbind");
}
