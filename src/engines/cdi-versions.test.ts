import { describe, expect, test } from "bun:test";
import { canRead, crashesOnOneLetter, newestVersion } from "./index.ts";

describe("canRead", () => {
  test.each([
    ["docker", "25.0.3", "0.6.0", "yes"],
    ["docker", "25.0.3", "0.7.0", "unknown"],
    ["docker", "26.1.5", "0.7.0", "yes"],
    ["docker", "26.1.5", "v0.7.0", "yes"],
    ["docker", "26.1.5", "0.8.0", "no"],
    ["docker", "27.5.1", "1.0.0", "no"],
    ["docker", "28.0.0", "0.8.0", "yes"],
    ["docker", "31.0.0", "1.1.0", "yes"],
    ["containerd", "1.7.2", "0.5.0", "yes"],
    ["containerd", "1.7.24", "0.7.0", "yes"],
    ["containerd", "1.7.24", "0.8.0", "unknown"],
    ["containerd", "2.1.0", "1.0.0", "yes"],
    ["podman", "4.9.4", "0.6.0", "yes"],
    ["podman", "5.4.2", "0.8.0", "yes"],
    ["podman", "5.4.2", "1.1.0", "unknown"],
    ["podman", "7.0.0", "1.1.0", "yes"],
    ["cri-o", "1.28.1", "0.7.0", "unknown"],
    ["cri-o", "1.35.0", "1.1.0", "yes"],
  ] as const)("of %s %s: a file of CDI %s: %s", (name, release, declared, reading) => {
    expect(canRead(name, release, declared)).toBe(reading);
  });

  test("is not known of a release that is not known, that is older than CDI, and of a version that is none", () => {
    expect(canRead("docker", undefined, "0.5.0")).toBe("unknown");
    expect(canRead("docker", "24.0.9", "0.5.0")).toBe("unknown");
    expect(canRead("docker", "26.1.5", "9.9.9")).toBe("unknown");
    expect(newestVersion("docker", "24.0.9")).toBeUndefined();
  });
});

test("crashesOnOneLetter is true of every known release, and not of one that is newer or not known", () => {
  expect(crashesOnOneLetter("docker", "26.1.5")).toBe(true);
  expect(crashesOnOneLetter("docker", "30.0.0")).toBe(false);
  expect(crashesOnOneLetter("podman", undefined)).toBe(false);
});
