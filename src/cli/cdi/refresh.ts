import type { World } from "../context.ts";
import { describeRefreshed } from "./describe-refreshed.ts";
import { noteWarnings } from "../note-warnings.ts";
import { refreshOnce, type RefreshFlags } from "./refresh-once.ts";
import { keepRefreshed } from "./refresh-watch.ts";

interface Flags extends RefreshFlags {
  readonly watch?: boolean;
}

/** `berth cdi refresh`: the host's CDI file as it should be now; with --watch until SIGTERM or SIGINT. */
export async function refresh(this: World, { watch, ...flags }: Flags): Promise<void> {
  if (watch === true) return stopBySignal((stop) => keepRefreshed(this, flags, { stop }));
  const refreshed = await refreshOnce(this, flags);
  if ("warnings" in refreshed) noteWarnings(this, refreshed.warnings);
  this.note(describeRefreshed(refreshed));
}

async function stopBySignal(work: (stop: AbortSignal) => Promise<void>): Promise<void> {
  const stop = new AbortController();
  const end = (): void => stop.abort();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, end);
  try {
    await work(stop.signal);
  } finally {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.off(signal, end);
  }
}
