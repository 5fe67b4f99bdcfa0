import { statSync } from "node:fs";
import { resolve } from "node:path";
import { BerthError } from "../base/index.ts";
import { askClient } from "./ask-client.ts";
import { readImageConfig, type Image } from "./image.ts";
import { readLayout, type Wanted } from "./image-layout.ts";
import { parseInspection } from "./inspect-container.ts";
import { findInspectors, type InspectorOptions } from "./inspectors.ts";

export interface ImageOptions extends InspectorOptions {
  /** As Go names this machine's: "amd64". */
  readonly architecture: string;
}

/**
 * The configuration of an image, without running or unpacking it: of one that Docker or podman has by this name, or of
 * an OCI layout or a file of docker save where it is a path (which begins with "/", "." or "oci:", and may end with
 * ":TAG"). Throws BERTH-Q001 when no engine has it, Q002, Q003, and U001 for what can be no name.
 */
export function readImage(name: string, options: ImageOptions): Image {
  const path = pathOf(name);
  if (path !== undefined) return readPath(path, options.architecture);
  if (!/^[A-Za-z0-9][\w./:@-]{0,511}$/.test(name)) throw noName(name);
  const whys: string[] = [];
  for (const { argv, by, scene } of findInspectors(options)) {
    const said = askClient([...argv, "image", "inspect", "--", name], scene);
    const top = said.isGood ? parseInspection(said.text) : undefined;
    if (top !== undefined) return readImageConfig(top, by, name);
    whys.push(`${by}: ${said.isGood ? "its answer cannot be understood" : said.why}`);
  }
  throw notFound(name, whys);
}

function pathOf(name: string): string | undefined {
  const [, path] = /^(?:oci|oci-archive|docker-archive):(.{1,4096})$/.exec(name) ?? [];
  if (path !== undefined) return path;
  return /^(?:\/|\.\.?(?:\/|$))/.test(name) ? name : undefined;
}

/** A tag is what follows the last colon where the whole is no path. */
function readPath(path: string, architecture: string): Image {
  const whole = resolve(path);
  const [, folder, tag] = /^(.*):([^:/]{1,128})$/.exec(whole) ?? [];
  const isWhole = folder === undefined || statSync(whole, { throwIfNoEntry: false }) !== undefined;
  const wanted: Wanted = { tag: isWhole ? undefined : tag, architecture };
  return readLayout(isWhole ? whole : folder, wanted);
}

function noName(name: string): BerthError {
  return new BerthError({
    code: "BERTH-U001",
    message: `Cannot find the image ${JSON.stringify(name.slice(0, 64))}: that is no image's name`,
    remedy: "name it as docker image ls does, or a path that begins with / or ./",
  });
}

function notFound(name: string, whys: readonly string[]): BerthError {
  const said = whys.length === 0 ? "neither docker nor podman is in PATH" : whys.join("; ");
  return new BerthError({
    code: "BERTH-Q001",
    message: `Cannot find the image "${name}": no engine here has it (${said})`,
    remedy: `docker pull ${name}, or name an OCI layout or a file of docker save by its path`,
  });
}
