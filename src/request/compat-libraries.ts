import { parseVersion, tryJson } from "../base/index.ts";
import { readElf, readElfNote, type Elf, type Root } from "../linux/index.ts";

/** A library of the image's folder of CUDA forward compatibility packages. */
export interface CompatLibrary {
  /** In the container, without links. */
  readonly path: string;
  readonly soname: string;
  readonly architecture: Elf["architecture"];
}

/** The CUDA libraries that an image brings along in case the host's driver is older. */
export interface CompatLibraries {
  /** Without links: "/usr/local/cuda-12.9/compat". */
  readonly folder: string;
  /** The driver's that they are from: "575.57.08". */
  readonly version: string;
  readonly libraries: readonly CompatLibrary[];
  /** What their maker says of them; undefined: nothing that can be read. */
  readonly note: CompatNote | undefined;
}

/** The ELF note in `libcuda.so`. */
export interface CompatNote {
  /** "12.9" */
  readonly cuda: string | undefined;
  /** The branches of the host's driver that they work with: 535, 550, … */
  readonly branches: readonly number[];
  /** NVML's numbers of the brands that they work on (nvmlBrandType_t). */
  readonly brands: readonly number[];
}

/** Where NVIDIA's packages put them; an image may have a link there. */
export const COMPAT_FOLDER = "/usr/local/cuda/compat";
/** Those for Jetson Orin. */
export const ORIN_COMPAT_FOLDER = "/usr/local/cuda/compat_orin";
const NOTE_SECTION = ".note.cuda.fwd_compatibility";
const CUDA = "libcuda.so.";
const MAX_NAMES = 256;
/** More branches and brands than there are. */
const MAX_NUMBERS = 64;

/**
 * The compatibility libraries in a folder of the image, or undefined: no folder, no `libcuda.so.X.Y`, or more than one. The image is not
 * trusted: every path is resolved inside it, and of each file only some headers are read. Throws BERTH-P001.
 */
export function readCompatLibraries(rootfs: Root, folder = COMPAT_FOLDER): CompatLibraries | undefined {
  if (rootfs.stat(folder)?.kind !== "folder") return undefined;
  const names = rootfs.list(folder, MAX_NAMES)?.filter((name) => /^lib[\w.+-]+\.so\.\d[\w.]*$/.test(name)) ?? [];
  const place = rootfs.resolve(folder);
  if (place === undefined) return undefined;
  // A link may lead anywhere; what it leads to in this folder is listed itself.
  const files = names.filter((name) => rootfs.lstat(`${place}/${name}`)?.kind === "file").toSorted();
  const [driver, ...others] = files.filter((name) => versionOf(name)?.includes(".") === true);
  const version = versionOf(driver ?? "");
  if (driver === undefined || version === undefined || others.length > 0) return undefined;
  return {
    folder: place,
    version,
    libraries: files.flatMap((name) => describe(rootfs, `${place}/${name}`)),
    note: rootfs.useFile(`${place}/${driver}`, readNote),
  };
}

/** Of a libcuda: "575.57.08". */
function versionOf(name: string): string | undefined {
  const version = name.startsWith(CUDA) ? name.slice(CUDA.length) : "";
  return parseVersion(version) === undefined ? undefined : version;
}

function describe(rootfs: Root, path: string): CompatLibrary[] {
  const elf = rootfs.useFile(path, (fd) => readElf(fd));
  const isNamed = elf?.soname !== undefined && /^[\w.+-]+$/.test(elf.soname);
  return isNamed ? [{ path, soname: elf.soname, architecture: elf.architecture }] : [];
}

/** Undefined for a note of somebody else, and for one that is no JSON object of the right shape. */
function readNote(fd: number): CompatNote | undefined {
  const note = readElfNote(fd, NOTE_SECTION);
  if (note?.owner !== "NVIDIA Corporation") return undefined;
  const fields = parseObject(Buffer.from(note.description).toString("utf8").replaceAll("\0", ""));
  const cuda = fields?.get("cuda version");
  return (
    fields && {
      cuda: typeof cuda === "string" && /^\d{1,5}\.\d{1,5}$/.test(cuda) ? cuda : undefined,
      branches: numbersOf(fields.get("driver")),
      brands: numbersOf(fields.get("device")),
    }
  );
}

/** The fields by their names in small letters: libcuda 580 spells them so, and NVIDIA's own reader takes any case. */
function parseObject(text: string): ReadonlyMap<string, unknown> | undefined {
  // A note that cannot be read is as good as none.
  const value = tryJson(text);
  if (typeof value !== "object" || value === null) return undefined;
  return new Map(Object.entries(value).map(([name, field]): [string, unknown] => [name.toLowerCase(), field]));
}

function numbersOf(value: unknown): readonly number[] {
  if (!Array.isArray(value) || value.length > MAX_NUMBERS) return [];
  return value.filter((item): item is number => Number.isSafeInteger(item));
}
