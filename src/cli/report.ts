import { BerthError } from "../base/index.ts";
import { lookNow, nameOf, openExistingStore, type Holding, type LeaseEvent, type LeaseSite } from "../leases/index.ts";
import { terminalWidth } from "../linux/index.ts";
import { readUserNames } from "../watch/index.ts";
import { isColoured } from "./ask-user.ts";
import type { World } from "./context.ts";
import { findLeaseSite } from "./lease/lease-site.ts";
import { formatReport, reportToJson, type Report } from "./report/format-report.ts";
import { formatTime, parseTime } from "./report/parse-time.ts";
import { deniedSubject, subjectsOf, type Aspect } from "./report/subjects.ts";
import { tally, type Period } from "./report/tally.ts";

interface Flags {
  readonly by: Aspect;
  readonly since?: string;
  readonly until?: string;
  readonly json?: boolean;
}

const DEFAULT_SINCE = "30d";
const MAX_EVENTS = 100_000;

/** `berth report`: who had how many GPUs for how long. Throws BERTH-A030. */
export function printReport(this: World, flags: Flags): void {
  const now = Date.now();
  const period = readPeriod(flags, now);
  const site = findLeaseSite(this);
  const { holdings, denied } = readRecords(site, period);
  const users = readUserNames();
  const subjects = subjectsOf(flags.by, users, (key) => nameOf(key, site));
  const refused = denied.map((event) => deniedSubject(event, flags.by, users));
  const report: Report = {
    ...period,
    ...tally(holdings, refused, { ...period, now }, subjects),
    by: flags.by,
    gpus: site.pool.devices.length,
  };
  if (flags.json === true) this.print(reportToJson(report));
  else this.print(formatReport(report, { hasColours: isColoured(this.env), width: terminalWidth(1) }));
}

function readPeriod({ since = DEFAULT_SINCE, until }: Flags, now: number): Period {
  // What has not happened yet is nobody's.
  const end = until === undefined ? now : Math.min(parseTime("--until", until, now), now);
  const start = parseTime("--since", since, now);
  if (start < end) return { since: start, until: end };
  const message = `Cannot report from ${formatTime(start)} to ${formatTime(end)}: it does not begin before it ends`;
  throw new BerthError({ code: "BERTH-A030", message, remedy: "let it begin earlier, as with --since 30d" });
}

function readRecords(
  site: LeaseSite,
  { since, until }: Period,
): { readonly holdings: readonly Holding[]; readonly denied: readonly LeaseEvent[] } {
  using store = openExistingStore(site);
  if (store === undefined) return { holdings: [], denied: [] };
  const denied = store.events(MAX_EVENTS, { since, kind: "denied" }).filter(({ at }) => at < until);
  return { holdings: store.holdings(since, lookNow()), denied };
}
