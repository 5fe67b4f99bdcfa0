import { BerthError } from "../base/index.ts";
import { FAULTS } from "./faults.ts";
import type { SimProfile } from "./profile.ts";
import a100x16Mig112 from "./profiles/a100x16-mig112.json" with { type: "json" };
import a100x8Mig from "./profiles/a100x8-mig.json" with { type: "json" };
import gb200x4Imex from "./profiles/gb200x4-imex.json" with { type: "json" };
import gds from "./profiles/gds.json" with { type: "json" };
import h100x1 from "./profiles/h100x1.json" with { type: "json" };
import h100x8UuidUnknown from "./profiles/h100x8-uuid-unknown.json" with { type: "json" };
import h100x8 from "./profiles/h100x8.json" with { type: "json" };
import l40sGraphics from "./profiles/l40s-graphics.json" with { type: "json" };
import none from "./profiles/none.json" with { type: "json" };
import orinCsv from "./profiles/orin-csv.json" with { type: "json" };
import rtx4090x2 from "./profiles/rtx4090x2.json" with { type: "json" };
import wsl from "./profiles/wsl.json" with { type: "json" };
import { readProfile } from "./read-profile.ts";

const FILES = [
  h100x8,
  h100x1,
  h100x8UuidUnknown,
  a100x8Mig,
  a100x16Mig112,
  gb200x4Imex,
  gds,
  l40sGraphics,
  rtx4090x2,
  orinCsv,
  wsl,
  none,
];

/** Every sound machine that can be simulated. */
export const PROFILES: readonly SimProfile[] = FILES.map(readProfile);

/** Some of them with one fault each. */
export const BROKEN_PROFILES: readonly SimProfile[] = FAULTS.map(({ name, summary, base }) => {
  return { ...findIn(PROFILES, base), name, summary, fault: name };
});

/** The profile of a name. Throws BERTH-M001 when there is none. */
export function findProfile(name: string): SimProfile {
  return findIn([...PROFILES, ...BROKEN_PROFILES], name);
}

function findIn(profiles: readonly SimProfile[], name: string): SimProfile {
  const profile = profiles.find((known) => known.name === name);
  if (profile !== undefined) return profile;
  const names = profiles.map((known) => known.name).join(", ");
  const message = `Cannot make a simulated host: there is no profile "${name}" (there are ${names})`;
  throw new BerthError({ code: "BERTH-M001", message, remedy: "name one of those with --profile" });
}
