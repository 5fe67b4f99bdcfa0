import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { manualPages } from "../../src/cli/manual/pages.ts";
import { docPages, layoutOf, packagingFiles, planInstall, type InstallEntry } from "../../src/install/index.ts";
import { must } from "./must.ts";

export type DebArchitecture = "amd64" | "arm64";

export interface DebInput {
  /** The folder with the built `berth` and `bin/*`. */
  readonly dist: string;
  readonly outDir: string;
  readonly version: string;
  readonly architecture: DebArchitecture;
  /** xz is what every dpkg reads; none is quick. */
  readonly compression: "xz" | "none";
  /** Of every file, in seconds since 1970. */
  readonly epoch: number;
}

const project = join(import.meta.dir, "../..");
const SCRIPTS = ["preinst", "postinst", "prerm", "postrm"];
const COPYRIGHT = "/usr/share/doc/PACKAGE/copyright";

/** Makes the packages `berth` and `berth-nvidia`, laid out as `berth install --prefix /usr --as-nvidia` would; gives back their paths. */
export async function makeDebs(input: DebInput): Promise<readonly string[]> {
  const entries = planInstall({
    layout: layoutOf("/usr"),
    executable: readFileSync(join(input.dist, "berth")),
    launcher: readFileSync(join(input.dist, "bin/berth")),
    packaging: packagingFiles(),
    manual: await manualPages(input.version),
    docs: docPages(),
    hasNames: true,
  });
  const own = entries.filter(({ part }) => part !== "name");
  const names = entries.filter(({ part }) => part === "name");
  const options: InstallEntry = textEntry("/etc/default/berth-cdi-refresh", shipped("berth-cdi-refresh.default"));
  return [
    makeDeb({ ...input, name: "berth", entries: [...own, options], conffiles: [options.path] }),
    makeDeb({ ...input, name: "berth-nvidia", entries: names, depends: `berth (= ${input.version})` }),
  ];
}

interface Package extends DebInput {
  readonly name: string;
  readonly entries: readonly InstallEntry[];
  readonly conffiles?: readonly string[];
  readonly depends?: string;
}

function makeDeb(input: Package): string {
  const { name, version, architecture, outDir } = input;
  const tree = join(outDir, `.${name}-${architecture}`);
  rmSync(tree, { recursive: true, force: true });
  const copyright = textEntry(COPYRIGHT.replace("PACKAGE", name), readFileSync(join(project, "LICENSE"), "utf8"));
  const files = [...input.entries, copyright];
  for (const entry of [...files, ...controlFiles(input, files)]) writeEntry(tree, entry);
  const deb = join(outDir, `${name}_${version}_${architecture}.deb`);
  const env = { PATH: process.env["PATH"] ?? "/usr/sbin:/usr/bin:/sbin:/bin", SOURCE_DATE_EPOCH: String(input.epoch) };
  must(["dpkg-deb", "--root-owner-group", `-Z${input.compression}`, "--build", tree, deb], { env });
  rmSync(tree, { recursive: true });
  return deb;
}

function controlFiles(
  { name, version, architecture, conffiles = [], depends }: Package,
  files: readonly InstallEntry[],
): readonly InstallEntry[] {
  const bytes = files.reduce((sum, { content }) => sum + Buffer.byteLength(content), 0);
  const control = [
    `Package: ${name}`,
    `Version: ${version}`,
    `Architecture: ${architecture}`,
    `Installed-Size: ${Math.ceil(bytes / 1024)}`,
    ...(depends === undefined ? [] : [`Depends: ${depends}`]),
  ];
  const scripts = SCRIPTS.flatMap((script) => {
    const text = packagingFiles()[`debian/${name}.${script}`];
    if (text === undefined) return [];
    const content = text.replaceAll("@UNITS@", unitsToEnable().join(" "));
    return [{ path: `/DEBIAN/${script}`, part: "extra", mode: 0o755, content } as const];
  });
  return [
    textEntry("/DEBIAN/control", `${control.join("\n")}\n${shipped(`${name}.control`)}`),
    ...(conffiles.length > 0 ? [textEntry("/DEBIAN/conffiles", `${conffiles.join("\n")}\n`)] : []),
    ...scripts,
  ];
}

/** Those that say by what they are enabled. */
export function unitsToEnable(): readonly string[] {
  const files = Object.entries(packagingFiles()).filter(
    ([path, text]) => path.startsWith("systemd/") && text.includes("\n[Install]\n"),
  );
  return files.map(([path]) => basename(path));
}

function shipped(file: string): string {
  const text = packagingFiles()[`debian/${file}`];
  if (text === undefined) throw new Error(`"packaging/debian/${file}" is missing`);
  return text;
}

function textEntry(path: string, content: string): InstallEntry {
  return { path, part: "extra", mode: 0o644, content };
}

/** Modes are set apart from making: the umask of whoever builds must not show. */
function writeEntry(tree: string, { path, mode, content }: InstallEntry): void {
  makeFolder(tree, dirname(path));
  writeFileSync(join(tree, path), content);
  chmodSync(join(tree, path), mode);
}

function makeFolder(tree: string, folder: string): void {
  if (folder !== "/") makeFolder(tree, dirname(folder));
  mkdirSync(join(tree, folder), { recursive: true });
  chmodSync(join(tree, folder), 0o755);
}
