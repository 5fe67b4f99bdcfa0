import type { LoaderEdit } from "../edits/index.ts";
import type { Architecture } from "../host/index.ts";
import { editFile, findFilePlace, type FileEdit, type FileScene } from "./etc-file.ts";
import { folderOf, isConfPath } from "./paths.ts";
import type { LayerRecord } from "./record.ts";

/** What musl's loader needs: it has no cache, only a list of folders (musl ldso/dynlink.c). */
export interface MuslPlan {
  readonly isMusl: boolean;
  readonly edits: readonly FileEdit[];
  /** Folders that are in a path file because of us. */
  readonly folders: ReadonlySet<string>;
  readonly made: readonly string[];
  readonly warnings: readonly string[];
}

const NAMES: Readonly<Record<Architecture, string>> = { "x86-64": "x86_64", i386: "i386", aarch64: "aarch64" };
/** What musl searches when it has no path file. */
const DEFAULTS = "/lib\n/usr/local/lib\n/usr/lib\n";
const MAX_PATH_FILE_BYTES = 64 * 1024;

/** Adds the libraries' folders to /etc/ld-musl-ARCH.path where the image has that loader, and takes out those of an older start. */
export function planMuslPaths(entries: readonly LoaderEdit[], old: LayerRecord, scene: FileScene): MuslPlan {
  const architectures = [...new Set(entries.map((entry) => entry.architecture))];
  const present = architectures.filter(
    (name) => scene.view.rootfs.stat(`/lib/ld-musl-${NAMES[name]}.so.1`) !== undefined,
  );
  const plans = present.map((architecture) => {
    const own = entries.filter((entry) => entry.architecture === architecture).map((entry) => folderOf(entry.path));
    return planOne(
      `/etc/ld-musl-${NAMES[architecture]}.path`,
      [...new Set(own)].filter(isConfPath).toSorted(),
      old,
      scene,
    );
  });
  return {
    isMusl: present.length > 0,
    edits: plans.flatMap((plan) => plan.edits),
    folders: new Set(plans.flatMap((plan) => [...plan.folders])),
    made: plans.flatMap((plan) => plan.made),
    warnings: plans.flatMap((plan) => plan.warnings),
  };
}

function planOne(
  path: string,
  wanted: readonly string[],
  old: LayerRecord,
  scene: FileScene,
): Omit<MuslPlan, "isMusl"> {
  const place = findFilePlace(path, MAX_PATH_FILE_BYTES, scene);
  if (place.kind === "nowhere") {
    const warning = `The libraries in ${wanted.join(", ")} are not made known to musl's loader: ${place.why}`;
    return { edits: [], folders: new Set(), made: [], warnings: [warning] };
  }
  const isNew = place.existing === undefined;
  const before = isNew ? DEFAULTS : Buffer.from(place.existing ?? []).toString("latin1");
  const kept = withoutLines(before, old.muslFolders);
  const added = wanted.filter((folder) => !kept.split(/[\n:]/).includes(folder));
  const text =
    added.length === 0 ? kept : `${kept === "" || kept.endsWith("\n") ? kept : `${kept}\n`}${added.join("\n")}\n`;
  return {
    edits: [editFile(path, place, Buffer.from(text, "latin1"), scene)],
    folders: new Set(place.kind === "layer" ? added : []),
    made: place.kind === "layer" && (isNew || old.made.has(path)) ? [path] : [],
    warnings: [],
  };
}

function withoutLines(text: string, lines: ReadonlySet<string>): string {
  return text
    .split("\n")
    .filter((line) => !lines.has(line))
    .join("\n");
}
