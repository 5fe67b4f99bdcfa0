import { Database } from "bun:sqlite";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "../../e2e/lib/run.ts";
import { until } from "./draw.ts";
import { processesBelow, removeCgroup, strike } from "./processes.ts";
import type { World } from "./world.ts";

/** What must not be, each in one line; none: all is well. Everything has been ended, and nothing cleared up. */
export async function audit(world: World): Promise<readonly string[]> {
  const store = join(world.host.dir, "var/lib/berth/leases/leases.db");
  const faults = [...witnessed(world, "two-owners"), ...(await leftover(world))];
  if (!existsSync(store)) return [...faults, `there is no store "${store}": nobody has taken a lease`];
  using database = new Database(store, { readonly: true });
  const integrity = JSON.stringify(database.query("PRAGMA integrity_check").all());
  if (integrity !== '[{"integrity_check":"ok"}]') faults.push(`integrity_check: ${integrity}`);
  return [...faults, ...sweep(world)];
}

/** Kills what runs still; its leases have to end by that alone. */
export async function endAll(world: World): Promise<void> {
  const gone = () => (processesOf(world).filter(strike).length === 0 ? true : undefined);
  await until(gone, 10_000);
}

/** Asks the driver, as `berth lease gc` without more does: what is not in use is free again at once. */
function sweep({ berth }: World): readonly string[] {
  const { status, stderr } = run([...berth, "lease", "gc"]);
  const listed = run([...berth, "lease", "ls", "--json"]);
  if (status !== 0 || listed.status !== 0) return [`berth lease gc: ${stderr}${listed.stderr}`];
  const { leases, tickets, marks }: { leases: object[]; tickets: object[]; marks: object[] } = JSON.parse(
    listed.stdout,
  );
  return [
    ...leases.map((lease) => `stuck lease: ${JSON.stringify(lease)}`),
    ...tickets.map((ticket) => `stuck ticket: ${JSON.stringify(ticket)}`),
    ...marks.map((mark) => `marked GPU: ${JSON.stringify(mark)}`),
  ];
}

function processesOf({ groups }: World): readonly number[] {
  return [...groups].flatMap(processesBelow);
}

async function leftover(world: World): Promise<readonly string[]> {
  const left = () => processesOf(world);
  await until(() => (left().length === 0 ? true : undefined), 5000);
  return left().map((pid) => `process ${pid} has not ended`);
}

/** Lines that the containers and programs wrote. */
export function witnessed({ witness }: World, file: string): string[] {
  const path = join(witness, file);
  return existsSync(path) ? readFileSync(path, "utf8").trimEnd().split("\n") : [];
}

/** Once the leases have been looked at: what only the low-level runtime keeps. Gives what could not be taken away. */
export function clearAll(world: World): readonly string[] {
  for (const id of existsSync(world.state) ? readdirSync(world.state) : [])
    run(["runc", "--root", world.state, "delete", "--force", id]);
  for (const group of [...world.groups, world.prefix]) removeCgroup(group);
  return readdirSync(world.state).map((id) => `runc keeps the state of "${id}"`);
}
