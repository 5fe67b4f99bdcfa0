import { escapeControls } from "../../base/index.ts";
import { type Choice, type Device, explainChoice, lookAtGpus, type Verdict } from "../../leases/index.ts";
import { formatWish, parseWish } from "../../request/index.ts";
import type { World } from "../context.ts";
import { findLeaseSite, isUnchecked } from "./lease-site.ts";

interface Flags {
  readonly gpus: string;
  readonly unchecked?: boolean;
  readonly json?: boolean;
}

/** `berth lease explain`: one line for each GPU, why it would be given now or not. */
export async function explainWish(this: World, { gpus, unchecked, json }: Flags): Promise<void> {
  const wish = parseWish(gpus);
  const site = findLeaseSite(this);
  const look = await lookAtGpus(site, { executable: this.executable, isUnchecked: isUnchecked(site, unchecked) });
  const { choice, waiting } = explainChoice(site, wish, look);
  if (json === true) {
    const verdicts = choice.verdicts.map((verdict) => toJson(verdict, choice));
    this.print(`${JSON.stringify({ wish: formatWish(wish), waiting, gpus: verdicts }, null, 2)}\n`);
    return;
  }
  this.print(choice.verdicts.map((verdict) => `${formatVerdict(verdict, choice)}\n`).join(""));
  if (choice.verdicts.length === 0) this.print("No GPU that can be leased; berth doctor says why.\n");
}

/** "GPU 2 (0000:3b:00.0, H100): not given: lease …" */
export function formatVerdict(verdict: Verdict, choice: Choice): string {
  const { device, why } = verdict;
  return escapeControls(
    `GPU ${device.name} (${device.key}, ${device.model}): ${answerFor(verdict, choice)}${why === "" ? "" : `: ${why}`}`,
  );
}

function answerFor({ device, kind }: Verdict, choice: Choice): string {
  if (kind !== "free") return "not given";
  if (isGiven(device, choice)) return "given";
  return choice.devices === undefined ? "free, but too few are" : "free, and not among the best";
}

function isGiven(device: Device, { devices }: Choice): boolean {
  return devices?.some(({ key }) => key === device.key) ?? false;
}

function toJson({ device, kind, why }: Verdict, choice: Choice) {
  const { name, key, model } = device;
  return { name, key, model, isGiven: isGiven(device, choice), kind, why };
}
