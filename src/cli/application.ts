import { type Application, buildApplication, buildRouteMap, text_en } from "@stricli/core";
import { VERSION } from "../base/index.ts";
import { attach, detach } from "./commands/attach.ts";
import { cdi } from "./commands/cdi.ts";
import { doctor } from "./commands/doctor.ts";
import { explain } from "./commands/explain.ts";
import { flags } from "./commands/flags.ts";
import { gpus, nvmlState } from "./commands/gpus.ts";
import { host, learnNvml } from "./commands/host.ts";
import { install, uninstall } from "./commands/install.ts";
import { inspect } from "./commands/inspect.ts";
import { lease } from "./commands/lease.ts";
import { nodes } from "./commands/nodes.ts";
import { cudaProbe, selftest } from "./commands/selftest.ts";
import { preflight } from "./commands/preflight.ts";
import { report } from "./commands/report.ts";
import { run } from "./commands/run.ts";
import { ps } from "./commands/ps.ts";
import { setup } from "./commands/setup.ts";
import { sim } from "./commands/sim.ts";
import { top } from "./commands/top.ts";
import { version } from "./commands/version.ts";
import type { World } from "./context.ts";

const routes = buildRouteMap({
  routes: {
    attach,
    cdi,
    cudaProbe,
    detach,
    doctor,
    explain,
    flags,
    gpus,
    host,
    inspect,
    install,
    learnNvml,
    lease,
    nodes,
    nvmlState,
    preflight,
    ps,
    report,
    run,
    selftest,
    setup,
    sim,
    top,
    uninstall,
    version,
  },
  docs: {
    brief: "GPUs for containers",
    hideRoute: { cudaProbe: true, learnNvml: true, nvmlState: true },
    fullDescription:
      "Before the command: --root DIR describes the host under DIR (also BERTH_ROOT), --debug shows the causes of an error.",
  },
});

/**
 * The commands of `berth`: commands/ declares them, a file for each first word. A path of words is a file: `berth sim up` is sim/up.ts, loaded when it is called. What a command
 * throws goes to `onFailure`; nothing is printed for it.
 */
export function makeApplication(onFailure: (thrown: unknown) => void): Application<World> {
  const fail = (thrown: unknown): string => {
    onFailure(thrown);
    return "";
  };
  return buildApplication<World>(routes, {
    name: "berth",
    versionInfo: { currentVersion: VERSION },
    scanner: { caseStyle: "allow-kebab-for-camel" },
    documentation: { disableAnsiColor: true },
    determineExitCode: () => 1,
    localization: {
      text: {
        ...text_en,
        exceptionWhileLoadingCommandFunction: fail,
        exceptionWhileLoadingCommandContext: fail,
        exceptionWhileRunningCommand: fail,
        commandErrorResult: fail,
      },
    },
  });
}
