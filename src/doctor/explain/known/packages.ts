import { BY_RUNTIME, type KnownError } from "../known-error.ts";

/** Package sources, and advisories. */
export const PACKAGES: readonly KnownError[] = [
  {
    id: "apt-key",
    row: 49,
    patterns: [/NO_PUBKEY DDCAE044F796ECB0/],
    title: "apt does not have the key of NVIDIA's package source",
    speaker: "apt",
    cause: "the key was renewed or never installed, so packages of the container toolkit are passed over",
    remedy: "install the key that NVIDIA's guide names, or berth, which needs no package source",
    page: "README.md",
  },
  {
    id: "apt-signed-by",
    row: 49,
    patterns: [/conflicting values set for option signed-by[^]{0,200}?nvidia/],
    title: "apt has NVIDIA's package source twice, with two keys",
    speaker: "apt",
    cause: "an older guide's file in /etc/apt/sources.list.d is still there",
    remedy: "grep -l nvidia.github.io /etc/apt/sources.list.d/*, and remove all but one",
    page: "README.md",
  },
  {
    id: "apt-unsupported",
    row: 49,
    patterns: [/unsupported distribution!?[^]{0,80}?nvidia/],
    title: "NVIDIA's package source has nothing for this distribution",
    speaker: "a script",
    cause: "the guide's script asks for a list by the name of the distribution",
    remedy: "use the list that is for all distributions (stable/deb), or berth, which needs none",
    page: "README.md",
  },
  {
    id: "hook-cve",
    row: 16,
    patterns: [/CVE-2024-013[234]|CVE-2025-2326[56]|CVE-2025-23359/],
    isGeneral: true,
    title: "a way out of the container by NVIDIA's hooks",
    speaker: "an advisory",
    cause:
      "hooks that ran as root followed links and took variables of the image; berth runs nothing over the image's files",
    remedy: `update NVIDIA's toolkit to 1.17.8 or newer; or ${BY_RUNTIME}`,
    page: "docs/docker.md",
  },
];
