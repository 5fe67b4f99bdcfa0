/** What containerd's part for Kubernetes is called in files of version 3 or later, 2, and 1 (containerd, docs/cri/config.md). */
export const CRI_PLUGINS: readonly string[] = ["io.containerd.cri.v1.runtime", "io.containerd.grpc.v1.cri", "cri"];

/** Its name in files of a version. */
export function criPluginOf(version: number): string {
  return CRI_PLUGINS.at(-Math.min(version, CRI_PLUGINS.length)) ?? "cri";
}
