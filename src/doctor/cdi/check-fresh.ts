import {
  generateCdi,
  isWithoutGpu,
  type CdiMode,
  type GeneratedCdi,
  type GenerateInput,
  type NameStrategy,
} from "../../apply/index.ts";
import { BerthError } from "../../base/index.ts";
import { formatOf, type CdiSpec, findLines } from "../../cdi/index.ts";
import type { CdiPlace } from "./place.ts";
import type { CheckedFile } from "./check-lines.ts";
import type { CdiFinding } from "./finding.ts";

/** Whether a file that berth has made is what it would make now, with the choices that can be seen in the file. */
export async function checkFresh(place: CdiPlace, file: CheckedFile): Promise<readonly CdiFinding[]> {
  const { path, text, spec, remedy } = file;
  try {
    const made = await generateCdi({ ...inputOf(place, spec), format: formatOf(path) ?? "yaml" });
    return compare(file, made);
  } catch (thrown) {
    if (!(thrown instanceof BerthError)) throw thrown;
    if (isWithoutGpu(thrown)) {
      return [
        {
          severity: "error",
          code: thrown.code,
          message: `it names GPUs, and this host has none: ${thrown.message}`,
          remedy,
        },
      ];
    }
    const line = findLines(text, driverOf(spec) ?? "")[0];
    return [
      {
        severity: "warning",
        code: thrown.code,
        line,
        message: `it cannot be told whether it is fresh: ${thrown.message}`,
        remedy: thrown.remedy,
      },
    ];
  }
}

function compare(
  { text, spec, remedy }: CheckedFile,
  { text: now, host: { driver } }: GeneratedCdi,
): readonly CdiFinding[] {
  if (now === text) return [];
  const then = driverOf(spec);
  if (then !== undefined && driver?.version !== undefined && then !== driver.version) {
    const message = `it is for driver ${then}, and ${driver.version} is loaded`;
    return [{ severity: "error", code: "BERTH-D002", line: findLines(text, then)[0], message, remedy }];
  }
  const lines = now.split("\n");
  const first = text.split("\n").findIndex((line, index) => line !== lines[index]);
  const message = "from this line on it differs from what berth would make now";
  return [{ severity: "warning", line: first < 0 ? 1 : first + 1, message, remedy }];
}

/** The driver's version among the arguments of berth's hook. */
function driverOf({ containerEdits: { hooks } }: CdiSpec): string | undefined {
  const args = hooks[0]?.args ?? [];
  const at = args.indexOf("--host-driver-version");
  return at < 0 ? undefined : args[at + 1];
}

const MODES: Readonly<Partial<Record<string, CdiMode>>> = {
  "imex-channel": "imex",
  gds: "gds",
  gdrcopy: "gdrcopy",
  mofed: "mofed",
  nvswitch: "nvswitch",
};

const NAMES: readonly (readonly [NameStrategy, RegExp])[] = [
  ["index", /^\d+(?::\d+)?$/],
  ["uuid", /^(?:GPU|MIG)-/],
  ["type-index", /^(?:gpu|mig)\d/],
];

/** What a file was made from, with what was chosen then as far as it shows. */
function inputOf({ root, config, executable, env }: CdiPlace, spec: CdiSpec): Omit<GenerateInput, "format"> {
  const [vendor = "", className = ""] = spec.kind.split("/");
  const has = (pattern: RegExp): boolean => spec.devices.some(({ name }) => pattern.test(name));
  const strategies = NAMES.filter(([, pattern]) => has(pattern)).map(([strategy]) => strategy);
  return {
    root,
    config,
    scene: {},
    options: {
      mode: vendor === "management.nvidia.com" ? "management" : (MODES[className] ?? "auto"),
      vendor,
      class: className,
      strategies: strategies.length === 0 ? ["index", "uuid"] : strategies,
      ids: has(/^none$/) ? ["none"] : ["all"],
      hasAllDevice: has(/^all$/),
      hasAny: has(/^any$/),
      disabledHooks: new Set(),
      devRoot: undefined,
    },
    featureFlags: [],
    hookPath: spec.containerEdits.hooks[0]?.path ?? "",
    executable,
    path: env("PATH"),
  };
}
