import { escapeControls } from "../../base/index.ts";
import { describeHost, hostOptions, unaskedStates, watchGpuStates, type Absence, type Host } from "../../host/index.ts";
import type { StateAsker } from "../../nvml/index.ts";
import type { World } from "../context.ts";
import { findSite } from "../site.ts";
import type { GpusView } from "./gpu-view.ts";
import { Observer } from "./observer.ts";

/** A machine that is looked at. Close it. */
export interface Scene extends Disposable {
  readonly host: Host;
  /** Asks everything anew, each GPU for a second at most. */
  readonly look: () => Promise<GpusView>;
  /** The same without waiting for GPUs any longer. */
  readonly glance: () => Promise<GpusView>;
  /** Settles when each GPU has answered or is sick. */
  readonly ask: () => Promise<void>;
}

export interface SceneOptions {
  /** Whether what goes over PCIe and NVLink is asked, too. */
  readonly hasTraffic: boolean;
}

/** Describes the host and begins nothing yet. When no GPU says anything, the program ends with 1. Throws what `findSite` throws. */
export function openScene(world: World, { hasTraffic }: SceneOptions): Scene {
  const { root, config } = findSite(world);
  const host = describeHost(root, hostOptions(config));
  const asker = watchGpuStates(host, { executable: world.executable, hasTraffic });
  const observer = new Observer(host, world);
  const ask = async (): Promise<void> => await asker?.ask();
  const glance = async (): Promise<GpusView> => {
    const view = withAbsence(await observer.view(statesOf(asker, host)), host.absence);
    // What is wrong has been said: no error is left to be printed.
    const isAnySaid = view.gpus.some(({ state: { facts } }) => Object.keys(facts).length > 0);
    Object.assign(world.process, { exitCode: isAnySaid ? 0 : 1 });
    return view;
  };
  const look = async (): Promise<GpusView> => {
    await ask();
    return await glance();
  };
  const close = (): void => {
    asker?.[Symbol.dispose]();
    observer[Symbol.dispose]();
  };
  return { host, look, glance, ask, [Symbol.dispose]: close };
}

function statesOf(asker: StateAsker | undefined, host: Host) {
  return asker?.states ?? unaskedStates(host);
}

function withAbsence(view: GpusView, absence: Absence | undefined): GpusView {
  return absence === undefined ? view : { ...view, errors: [`there is no driver: ${absence.why}`, ...view.errors] };
}

/** Says why there is no GPU; whether there can be one. */
export function say(world: Pick<World, "note">, { host: { absence } }: Pick<Scene, "host">): boolean {
  if (absence !== undefined) world.note(`No GPU: ${escapeControls(absence.why)}.\nRemedy: ${absence.remedy}\n`);
  return absence === undefined;
}
