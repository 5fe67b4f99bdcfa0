import type { KnownError } from "../known-error.ts";
import { lookAtSettings, lookForRuntimeProgram } from "../looks/docker.ts";

const PAGE = "docs/docker.md";
const RESTART = "systemctl restart docker";

/** dockerd's own configuration, and what comes of one that is out of date. */
export const DOCKER_SETTINGS: readonly KnownError[] = [
  {
    id: "dockerd-runtimes-twice",
    row: 43,
    patterns: [/directives are specified both as a flag and in the configuration file: [\w, -]{0,80}runtimes/],
    title: "dockerd does not start: runtimes are named twice",
    speaker: "dockerd",
    cause: "its unit has --add-runtime among the options, and daemon.json has the key, too",
    remedy: `take --add-runtime out of the unit (systemctl edit docker), then: ${RESTART}`,
    page: PAGE,
  },
  {
    id: "dockerd-settings-invalid",
    row: 43,
    patterns: [/unable to configure the docker daemon with file ([\w./-]{1,120}\.json)/],
    unless: [/directives are specified both/],
    title: "dockerd does not start: daemon.json cannot be used",
    speaker: "dockerd",
    cause: "the file is no valid JSON, or has a key that this dockerd does not know; the text says where",
    remedy: "dockerd --validate --config-file /etc/docker/daemon.json",
    here: lookAtSettings,
    page: PAGE,
  },
  {
    id: "runtime-program-gone",
    row: 43,
    patterns: [
      /fork\/exec ([\w./-]{0,120}nvidia-container-runtime[\w.-]{0,16}): no such file/,
      /exec: "([\w./-]{0,120}nvidia-container-runtime[\w.-]{0,16})": (?:executable file not found|stat)/,
    ],
    title: "the program of a runtime is not there",
    speaker: "containerd's shim",
    cause: "daemon.json still names it, as a runtime or as the default one, and it was removed or never installed",
    remedy: "berth install; berth setup docker (or take the runtime out of daemon.json)",
    here: lookForRuntimeProgram,
    page: "docs/setup.md",
  },
  {
    id: "exited-after-boot",
    row: 14,
    patterns: [/exited \((?:128|255)\)/],
    isGeneral: true,
    title: "a container did not come back after a restart of the machine",
    speaker: "docker ps",
    cause: "the engine started it before the driver, its device nodes or the CDI file were there",
    remedy: "systemctl enable --now berth-nodes.service berth-nodes.path; docker start CONTAINER",
    page: "docs/nodes.md",
  },
];
