import type { LinkEdit, LoaderEdit } from "../edits/index.ts";

/**
 * What the one hook of a CDI file does in a container that the engine has given its devices and mounts: that part of the `Edits` for which CDI has no words. It stands in
 * the hook's arguments.
 */
export interface ContainerUpdate {
  /** One in the container's /dev is left out where the node that it leads to is not there. */
  readonly links: readonly Pick<LinkEdit, "path" | "target">[];
  /** Names that the loader must find; of two for one name the first is what it takes. */
  readonly loaderEntries: readonly Pick<LoaderEdit, "soname" | "path" | "architecture">[];
  /** Of the host's driver. */
  readonly driverVersion: string | undefined;
  /** The newest CUDA of the host's driver. */
  readonly cudaVersion: string | undefined;
  /** Where the image may have newer CUDA libraries; undefined: they are not to be used. */
  readonly compatFolder: string | undefined;
  /** Kinds of GPU on this host, as `NVIDIA_REQUIRE_*` names them. */
  readonly brands: readonly string[];
  /** The application profile that names the GPUs whose nodes are there. */
  readonly hasApplicationProfile: boolean;
  /** The container is to see `ModifyDeviceFiles: 0`, so that no program of the driver makes or changes device nodes in it. */
  readonly hidesDeviceFiles: boolean;
  /** Whose driver this is: "/" but for a simulated host. */
  readonly hostRoot: string;
}

export const NO_UPDATE: ContainerUpdate = {
  links: [],
  loaderEntries: [],
  driverVersion: undefined,
  cudaVersion: undefined,
  compatFolder: undefined,
  brands: [],
  hasApplicationProfile: false,
  hidesDeviceFiles: false,
  hostRoot: "/",
};
