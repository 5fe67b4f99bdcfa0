import { findLowLevel } from "../../config/index.ts";
import { pass, type Check } from "../check.ts";

export const lowLevelRuntime: Check = {
  id: "low-level-runtime",
  title: "there is a low-level runtime to hand containers to",
  needs: ["config"],
  run: ({ config, env, executable }) =>
    pass(findLowLevel({ candidates: config.runtimes, path: env("PATH"), self: executable })),
};
