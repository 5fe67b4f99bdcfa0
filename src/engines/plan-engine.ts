import { planContainerd } from "./containerd-edit.ts";
import { planCrio } from "./crio-edit.ts";
import { planDocker } from "./docker-edit.ts";
import type { EngineName } from "./engine.ts";
import { planPodman } from "./podman-edit.ts";
import type { ConfigReader, EngineFacts, EnginePlan, EngineWish } from "./wish.ts";

/** What has to be done so that an engine has what is wished. Reads, and changes nothing. Throws T001 and G001 for files that cannot be used. */
export function planEngine(
  name: EngineName,
  reader: ConfigReader,
  wish: EngineWish,
  facts: EngineFacts = {},
): EnginePlan {
  switch (name) {
    case "docker":
      return planDocker(reader, wish, facts);
    case "containerd":
      return planContainerd(reader, wish, facts);
    case "cri-o":
      return planCrio(reader, wish, facts);
    case "podman":
      return planPodman(reader, wish, facts);
  }
}
