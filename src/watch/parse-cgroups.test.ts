import { expect, test } from "bun:test";
import { parseCgroups, type Place } from "./index.ts";

const ID = "4f0c1f6f1f7b2d5a7f3a9e1b6c8d0e2f4a6b8c0d1e3f5a7b9c1d3e5f7a9b1c3d";
const OTHER = "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff";
const POD = "2f3c1a77-9b1d-4a52-8c0e-5d6f7a8b9c0d";
const POD_OF_SYSTEMD = POD.replaceAll("-", "_");
const NOTHING: Place = { container: undefined, pod: undefined, unit: undefined };
type Engine = NonNullable<Place["container"]>["engine"];
const of = (engine: Engine, pod?: string, user?: number): Place => ({
  container: { id: ID, engine, user },
  pod,
  unit: undefined,
});
const unit = (name: string): Place => ({ ...NOTHING, unit: name });

const TABLE: readonly (readonly [what: string, text: string, place: Place])[] = [
  ["Docker, version 1, cgroupfs", `12:devices:/docker/${ID}\n1:name=systemd:/docker/${ID}\n`, of("docker")],
  ["Docker, version 1, systemd", `4:memory:/system.slice/docker-${ID}.scope\n`, of("docker")],
  ["Docker, version 2, systemd", `0::/system.slice/docker-${ID}.scope\n`, of("docker")],
  ["Docker, version 2, with groups of its own", `0::/system.slice/docker-${ID}.scope/init.scope\n`, of("docker")],
  ["Docker, version 2, cgroupfs", `0::/docker/${ID}\n`, of("docker")],
  [
    "Docker without root",
    `0::/user.slice/user-1000.slice/user@1000.service/user.slice/docker-${ID}.scope\n`,
    of("docker", undefined, 1000),
  ],
  ["Docker in Docker: that of this machine", `0::/docker/${ID}/docker/${OTHER}\n`, of("docker")],
  ["podman, version 2", `0::/machine.slice/libpod-${ID}.scope/container\n`, of("podman")],
  ["podman, version 1, systemd", `3:pids:/machine.slice/libpod-${ID}.scope\n`, of("podman")],
  ["podman, version 1, cgroupfs", `3:pids:/libpod_parent/libpod-${ID}\n`, of("podman")],
  [
    "podman without root",
    `0::/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-${ID}.scope/container\n`,
    of("podman", undefined, 1000),
  ],
  [
    "podman, split groups",
    `0::/user.slice/user-1000.slice/user@1000.service/app.slice/web.service/libpod-payload-${ID}\n`,
    of("podman", undefined, 1000),
  ],
  ["podman's monitor, which is not in the container", `0::/machine.slice/libpod-conmon-${ID}.scope\n`, unit(`libpod-conmon-${ID}.scope`)], // prettier-ignore
  [
    "Kubernetes, containerd, systemd",
    `0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${POD_OF_SYSTEMD}.slice/cri-containerd-${ID}.scope\n`,
    of("containerd", POD),
  ],
  [
    "Kubernetes, guaranteed, cri-o",
    `0::/kubepods.slice/kubepods-pod${POD_OF_SYSTEMD}.slice/crio-${ID}.scope\n`,
    of("cri-o", POD),
  ],
  [
    "Kubernetes, cri-o, groups in the container",
    `0::/kubepods.slice/kubepods-pod${POD_OF_SYSTEMD}.slice/crio-${ID}.scope/container\n`,
    of("cri-o", POD),
  ],
  ["Kubernetes, version 1, cgroupfs", `11:devices:/kubepods/besteffort/pod${POD}/${ID}\n`, of(undefined, POD)],
  ["Kubernetes, the old way of containerd", `9:cpu:/system.slice/containerd.service/kubepods-burstable-pod${POD_OF_SYSTEMD}.slice:cri-containerd:${ID}\n`, of("containerd")], // prettier-ignore
  ["nerdctl", `0::/system.slice/nerdctl-${ID}.scope\n`, of("containerd")],
  ["ctr and others, by whole ids", `0::/default/${ID}\n`, of(undefined)],
  ["plain runc", `5:devices:/${ID}\n`, of(undefined)],
  [
    "LXC, version 2",
    "0::/lxc.payload.web-1/system.slice/x.service\n",
    { ...NOTHING, container: { id: "web-1", engine: "lxc", user: undefined } },
  ],
  ["LXC, version 1", "2:cpu:/lxc/web-1\n", { ...NOTHING, container: { id: "web-1", engine: "lxc", user: undefined } }],
  [
    "hybrid: where only one hierarchy has it",
    `0::/\n1:name=systemd:/system.slice/foo.service\n7:devices:/docker/${ID}\n`,
    of("docker"),
  ],
  ["a service", "0::/system.slice/sshd.service\n", unit("sshd.service")],
  ["a service of a user", "0::/user.slice/user-1000.slice/user@1000.service/app.slice/jupyter.service\n", unit("jupyter.service")], // prettier-ignore
  ["a login", "1:name=systemd:/user.slice/user-1000.slice/session-3.scope\n0::/\n", unit("session-3.scope")],
  ["a login of root's", `0::/user.slice/user-0.slice/session-1.scope/${ID}\n`, of(undefined)],
  ["nothing at all", "0::/\n", NOTHING],
  ["an id that is too short", "0::/docker/4f0c1f6f1f7b\n", NOTHING],
  ["no file", "", NOTHING],
  ["something else", "hello\n:::\n0::relative\n", NOTHING],
];

test.each(TABLE)("a process belongs where its control groups say: %s", (_, text, place) => {
  expect(parseCgroups(text)).toEqual(place);
});
