/** What e2e/probe/probe.c prints. */
export interface Probe {
  readonly status: Readonly<Record<string, string>>;
  readonly limits: string;
  readonly oomScoreAdj: string;
  readonly descriptors: readonly { readonly fd: number; readonly flags: number; readonly link: string }[];
  readonly affinity: readonly number[];
  readonly env: readonly string[];
  readonly argv: readonly string[];
  readonly tries: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly nice: number;
}

/** Reads the probe's output; pipes and sockets lose their numbers, which differ from run to run. */
export function parseProbe(stdout: string): Probe {
  const probe: Probe = JSON.parse(stdout);
  const descriptors = probe.descriptors.map((each) => ({ ...each, link: each.link.replace(/:\[\d+\]$/, "") }));
  return { ...probe, descriptors: descriptors.toSorted((a, b) => a.fd - b.fd) };
}
