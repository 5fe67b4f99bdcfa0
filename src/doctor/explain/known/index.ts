import type { KnownError } from "../known-error.ts";
import { CDI } from "./cdi.ts";
import { CONDITIONS } from "./conditions.ts";
import { CUDA_BUILDS } from "./cuda-builds.ts";
import { CUDA } from "./cuda.ts";
import { DOCKER_SETTINGS } from "./docker-settings.ts";
import { DOCKER } from "./docker.ts";
import { DRIVER } from "./driver.ts";
import { FILES } from "./files.ts";
import { GPU_FAULTS } from "./gpu-faults.ts";
import { GRAPHICS_AND_VIDEO } from "./graphics.ts";
import { KERNEL } from "./kernel.ts";
import { LOADER } from "./loader.ts";
import { MACHINES } from "./machines.ts";
import { OPTIONAL } from "./optional.ts";
import { PACKAGES } from "./packages.ts";
import { SECURITY } from "./security.ts";

/** Every error of another program that is known, by subject. */
export const KNOWN_ERRORS: readonly KnownError[] = [
  ...DOCKER,
  ...DOCKER_SETTINGS,
  ...DRIVER,
  ...GPU_FAULTS,
  ...CDI,
  ...CUDA,
  ...CUDA_BUILDS,
  ...CONDITIONS,
  ...FILES,
  ...LOADER,
  ...KERNEL,
  ...SECURITY,
  ...GRAPHICS_AND_VIDEO,
  ...MACHINES,
  ...OPTIONAL,
  ...PACKAGES,
];
