import { readFileSync } from "node:fs";
// Built by scripts/build.ts for the machine that the executable is for, and held inside the executable.
import cudaFile from "../../build/native/target/libcuda.so" with { type: "file" };
import nvmlFile from "../../build/native/target/libnvidia-ml.so" with { type: "file" };
import launcherFile from "../../build/native/target/launcher" with { type: "file" };
import nvidiaSmiFile from "../../build/native/target/nvidia-smi" with { type: "file" };
import stubFile from "../../build/native/target/stub.so" with { type: "file" };
import stub32File from "../../build/native/target/stub32.so" with { type: "file" };

/** The compiled programs of programs/ and the launcher, as ELF files that are patched for one simulated host. */
export interface Programs {
  readonly nvml: Uint8Array;
  readonly cuda: Uint8Array;
  readonly stub: Uint8Array;
  /** Undefined where the compiler makes no 32-bit programs. */
  readonly stub32: Uint8Array | undefined;
  readonly nvidiaSmi: Uint8Array;
  readonly launcher: Uint8Array;
}

/** Reads the embedded programs. */
export function readPrograms(): Programs {
  const stub32 = readFileSync(stub32File);
  return {
    nvml: readFileSync(nvmlFile),
    cuda: readFileSync(cudaFile),
    stub: readFileSync(stubFile),
    stub32: stub32.length > 0 ? stub32 : undefined,
    nvidiaSmi: readFileSync(nvidiaSmiFile),
    launcher: readFileSync(launcherFile),
  };
}
