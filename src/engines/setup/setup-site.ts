import type { EngineName } from "../engine.ts";
import type { DaemonProcess } from "../running/daemon-process.ts";
import type { RunningDocker } from "../running/docker.ts";
import type { RunningScene } from "../running/running.ts";
import type { EngineFacts } from "../wish.ts";

/** The host whose engines are set up, and who asks. */
export interface SetupSite {
  /** "/", or another host's. */
  readonly root: string;
  /** Whether that host's engines run on this machine, as those of a simulated host do: paths in their files are then of this machine. */
  readonly isOnMachine: boolean;
  /** Where what is set up is kept. */
  readonly stateDir: string;
  /** Where those that write at the same time meet. */
  readonly lockDir: string;
  readonly scene: RunningScene;
  readonly now: () => Date;
}

/** One engine that is to be set up. */
export interface SetupTarget {
  readonly engine: EngineName;
  /** "docker 26.1.5" */
  readonly title: string;
  /** The root that `facts` names files below. */
  readonly fileRoot: string;
  readonly facts: EngineFacts;
  /** The program that judges its configuration files; undefined: it is not here. */
  readonly program: string | undefined;
  /** Undefined: it does not run, or has no daemon. */
  readonly daemon: DaemonProcess | undefined;
  /** What its client needs to find this very daemon. */
  readonly clientEnv: Readonly<Record<string, string>>;
  /** Its client speaks to an engine of another machine. */
  readonly isRemote?: boolean;
  /** What Docker's said. */
  readonly docker?: RunningDocker;
  /** Why it is not asked: it does not run, or does not answer. */
  readonly silence?: string | undefined;
}
