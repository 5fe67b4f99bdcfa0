import { lstatSync } from "node:fs";
import { BerthError, realPath, type JsonObject, type Problem } from "../base/index.ts";
import type { Config } from "../config/index.ts";
import type { Edits } from "../edits/index.ts";
import { goesWithout, policyOf, type Grant } from "../grant/index.ts";
import type { Host } from "../host/index.ts";
import { Root } from "../linux/index.ts";
import { mountsOf, rootfsPath, type Bundle } from "../oci/index.ts";
import type { Recorded, Request, Wish } from "../request/index.ts";
import { lazyFiles } from "./cdi-source.ts";
import type { SpecPlan } from "./plan.ts";
import { viewContainer, type ContainerView } from "./container-view.ts";
import { onlyNodes, takeChoosingHooks } from "./choosing-hook.ts";
import { editAnnotation, editEnv, removeNvidiaHooks } from "./edit-spec.ts";
import { grantEdits } from "./grant-edits.ts";
import { readWish } from "./hook-wish.ts";
import type { Settled } from "./leases.ts";
import { planSpec } from "./plan-spec.ts";

export interface ContainerInput {
  readonly bundle: Bundle;
  readonly containerId: string;
  /** Where berth keeps files of its own on this machine. */
  readonly stateDir: string;
  /** What the administrator allows, and how devices are asked for. */
  readonly config: Config;
  /** What it asks for, with the devices that its wish was settled with; undefined: as it stands in the bundle. */
  readonly settled?: Pick<Settled, "request" | "why"> | undefined;
  /** What the engine keeps of the container, where that is asked. */
  readonly recorded?: Recorded | undefined;
  /** Called only when the container asks for something; with `isRefresh` when what it gave turned out to be out of date. */
  readonly loadHost: (isRefresh: boolean) => Host;
}

/** What a container would get and how; nothing has been changed yet. */
export type ContainerPlan =
  /** `ignored`: what it asked for and is not allowed to ask for, a sentence each. */
  | { readonly kind: "nothing"; readonly reason: string; readonly ignored: readonly string[] }
  | { readonly kind: "refused"; readonly problem: Problem }
  /** GPUs are to be chosen first; the same again with `settled` goes on. */
  | { readonly kind: "wish"; readonly request: Request; readonly wish: Wish }
  /** What it asks for is not here, and it can do without: only the spec says so. */
  | { readonly kind: "without"; readonly spec: JsonObject; readonly reason: string }
  /** CDI files say everything: only the spec changes. */
  | {
      readonly kind: "injected";
      readonly spec: JsonObject;
      readonly devices: readonly string[];
      readonly warnings: readonly string[];
    }
  | PlannedContainer;

export interface PlannedContainer {
  readonly kind: "planned";
  readonly request: Request;
  readonly host: Host;
  readonly grant: Grant;
  readonly edits: Edits;
  readonly plan: SpecPlan;
  /** Open: for `carryOut`, or to be closed. */
  readonly rootfs: Root;
}

/**
 * The whole pipeline for one bundle, reading only. A driver file or node that is gone makes it describe the host once more. A
 * refusal is a value; only a mistake of the programmer is thrown.
 */
export function planContainer(input: ContainerInput): ContainerPlan {
  try {
    return planOnce(input, false);
  } catch (error) {
    if (!isOutOfDate(error)) return refused(error);
  }
  try {
    return planOnce(input, true);
  } catch (error) {
    return refused(error);
  }
}

function isOutOfDate(error: unknown): boolean {
  return error instanceof BerthError && (error.code === "BERTH-D002" || error.code === "BERTH-D003");
}

function refused(error: unknown): ContainerPlan {
  if (error instanceof BerthError) return { kind: "refused", problem: error };
  throw error;
}

function planOnce(input: ContainerInput, isRefresh: boolean): ContainerPlan {
  const { bundle, config, recorded } = input;
  const cdiFiles = lazyFiles(config);
  const taken = takeChoosingHooks(bundle.spec);
  const { asked: engaged, spec } = taken ?? { asked: undefined, spec: bundle.spec };
  const request = input.settled?.request ?? readWish(spec, config, { cdiFiles, recorded, engaged });
  const { cdiDevices, wish } = request;
  if (wish !== undefined) return { kind: "wish", request, wish };
  const injected = cdiDevices.length === 0 ? spec : cdiFiles.inject(spec, cdiDevices);
  if (request.wants === "nothing" && input.settled !== undefined) return planWithout(injected, input.settled.why);
  if (cdiDevices.length === 0 || request.wants !== "nothing")
    return planNative(
      request,
      { ...input, bundle: { ...bundle, spec: injected }, isByCdi: taken !== undefined },
      isRefresh,
    );
  return { kind: "injected", spec: injected, devices: cdiDevices, warnings: request.warnings };
}

interface NativeInput extends ContainerInput {
  /** The engine has given it all but the GPUs. */
  readonly isByCdi: boolean;
}

/** All but what CDI files give. */
function planNative(request: Request, input: NativeInput, isRefresh: boolean): ContainerPlan {
  const { bundle } = input;
  if (request.wants === "nothing")
    return { kind: "nothing", reason: request.devicesOrigin.text, ignored: request.ignored };
  const host = input.loadHost(isRefresh);
  const path = realRootfs(rootfsPath(bundle));
  const rootfs = Root.open(path);
  let plan: ContainerPlan | undefined;
  try {
    plan = planFor(request, { input, host, rootfs });
    return plan;
  } finally {
    if (plan?.kind !== "planned") rootfs.close();
  }
}

interface Place {
  readonly input: NativeInput;
  readonly host: Host;
  readonly rootfs: Root;
}

function planFor(request: Request, { input, host, rootfs }: Place): ContainerPlan {
  const { bundle, stateDir, containerId, config } = input;
  const isWritable = rootfs.isWritable;
  const view = (): ContainerView => viewContainer(rootfs, mountsOf(bundle.spec), isWritable);
  const settled = grantEdits(request, { config, policy: policyOf(config), host, rootfs, view });
  if (settled.kind === "refused") {
    const { problem } = settled;
    return goesWithout(request, problem) ? planWithout(bundle.spec, problem.message) : settled;
  }
  const { grant } = settled;
  const edits = input.isByCdi ? onlyNodes(settled.edits) : settled.edits;
  const place = { spec: bundle.spec, bundleDir: bundle.dir, rootfs, isWritable, stateDir, containerId };
  return { kind: "planned", request, host, grant, edits, plan: planSpec({ host, grant, edits, ...place }), rootfs };
}

/** A container that gets nothing of what it could do without: its spec says so to hooks and to programs inside. */
function planWithout(spec: JsonObject, reason: string): Extract<ContainerPlan, { kind: "without" }> {
  const env = [{ name: "NVIDIA_VISIBLE_DEVICES", value: "void", reason: "nothing was granted" }];
  const edited = editAnnotation(removeNvidiaHooks(editEnv(spec, env)), JSON.stringify({ gpus: [], migDevices: [] }));
  return { kind: "without", spec: edited, reason };
}

/** The root file system's own path. Throws BERTH-P001 when it is a link: it may lead to a root that is no container's. */
function realRootfs(path: string): string {
  // A folder that is missing is somebody else's to report.
  if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() !== true) return realPath(path);
  const message = `Cannot use the root file system "${path}": it is a symbolic link`;
  throw new BerthError({ code: "BERTH-P001", message, remedy: "name the folder itself as root.path" });
}
