import type { GeneratedCdi } from "../../apply/index.ts";
import { escapeControls } from "../../base/index.ts";
import { summarize } from "./generate-input.ts";
import type { Refreshed } from "./refresh-once.ts";

/** One line about what became of the file. */
export function describeRefreshed(refreshed: Refreshed): string {
  const name = `"${refreshed.path}"`;
  switch (refreshed.kind) {
    case "written":
      return `Wrote ${name}${driverOf(refreshed.made)}: ${summarize(refreshed.made)}\n`;
    case "unchanged":
      return `${name} is right already${driverOf(refreshed.made)}: ${summarize(refreshed.made)}\n`;
    case "removed":
      return escapeControls(`Removed ${name}, whose names are no longer true: ${refreshed.reason.message}`) + "\n";
    case "absent":
      return escapeControls(`Nothing to do: ${refreshed.reason.message}`) + "\n";
    case "foreign":
      return escapeControls(`Left ${name} alone, which berth has not made: ${refreshed.reason.message}`) + "\n";
  }
}

function driverOf({ host: { driver } }: GeneratedCdi): string {
  return driver?.version === undefined ? "" : ` for driver ${driver.version}`;
}
