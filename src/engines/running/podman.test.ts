import { expect, test } from "bun:test";
import { readPodmanInfo } from "./podman.ts";

test("podman says which low-level runtime its containers get, and whose they are", () => {
  const info = {
    host: {
      cgroupManager: "systemd",
      cgroupVersion: "v2",
      ociRuntime: { name: "crun", path: "/usr/bin/crun", package: "crun_1.21-1_amd64" },
      security: { rootless: true },
      serviceIsRemote: false,
    },
    version: { APIVersion: "5.4.2", Version: "5.4.2" },
  };
  expect(readPodmanInfo(JSON.stringify(info), "/usr/bin/podman")).toEqual({
    program: "/usr/bin/podman",
    version: "5.4.2",
    runtime: "crun",
    runtimePath: "/usr/bin/crun",
    isRootless: true,
    isRemote: false,
    cgroupDriver: "systemd",
    cgroupVersion: "2",
  });
  for (const text of ["", "[]", "{}", '{"host":1}']) expect(readPodmanInfo(text, "podman")).toBeUndefined();
});
