import type { Grant } from "../grant/index.ts";
import type { DeviceEdit, GroupEdit } from "./edits.ts";

const OTHERS_READ_AND_WRITE = 0o006;

/** The groups of nodes that are not open to everybody, so that a process which is not root can use them. Group 0 opens too much else. */
export function groups({ extras }: Grant, devices: readonly DeviceEdit[]): GroupEdit[] {
  if (!extras.hasGroups) return [];
  const closed = devices.filter(
    ({ node }) => (node.mode & OTHERS_READ_AND_WRITE) !== OTHERS_READ_AND_WRITE && node.gid !== 0,
  );
  const byGroup = new Map(closed.map(({ node }) => [node.gid, node.path]));
  return [...byGroup].map(([gid, path]) => ({ gid, reason: `the group of ${path}` }));
}
