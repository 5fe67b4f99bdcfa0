/**
 * The container engines of a machine: what each of them knows of CDI, and which runtimes its files name, from their
 * programs' versions and their configuration files, without asking one; which running container a name means, by their
 * own clients; and what their configuration files have to say so that they know a runtime and CDI, as pure changes of
 * texts. Only `setup/` writes files and tells a daemon to read them; `trial/` starts one container. Sources: the
 * engines' own documentation and release history.
 */
export { cdiSupport, type EngineCdi, type EnginePlace } from "./cdi-support.ts";
export { canRead, crashesOnOneLetter, newestVersion, type Newest, type Reading } from "./cdi-versions.ts";
export { CONTAINER_ENGINES, type ContainerEngine, type FoundContainer } from "./container.ts";
export { readImage, type ImageOptions } from "./read-image.ts";
export type { Image } from "./image.ts";
export { readContainerTrace, type ContainerTrace } from "./container-trace.ts";
export { ENGINE_NAMES, isEngineName, type EngineName } from "./engine.ts";
export { findContainer, type FindOptions } from "./find-container.ts";
export { listContainerd, listCrio } from "./list-bundles.ts";
export { listDocker, listPodman, type ListedContainer, type Listing, type ListOptions } from "./list-containers.ts";
export { askContainerd, type RunningContainerd } from "./running/containerd.ts";
export { askCrio, type RunningCrio } from "./running/crio.ts";
export type { DaemonProcess } from "./running/daemon-process.ts";
export { askDocker, type AskedDocker, type DockerKind, type RunningDocker } from "./running/docker.ts";
export { GPUS_HOOK } from "./running/docker-process.ts";
export type { DockerEndpoint } from "./running/docker-endpoint.ts";
export { ANSWER_MS, type Asked, type RunningScene } from "./running/running.ts";
export { containerdRuntimes, readContainerdFiles } from "./runtime-settings/containerd.ts";
export { crioRuntimes, readCrioFiles, runtimesInCrio } from "./runtime-settings/crio.ts";
export { dockerRuntimes, swarmEntries, wantsCdi } from "./runtime-settings/docker.ts";
export { swarmDevices, type SwarmDevice } from "./swarm-devices.ts";
export { parseSwarmEntry, planSwarmEntries, swarmVariable } from "./swarm-entries.ts";
export { podmanRuntimes, readPodmanFiles } from "./runtime-settings/podman.ts";
export { readEngineFile, type EngineFile, type RuntimeSettings } from "./runtime-settings/settings.ts";
export { configReader } from "./config-reader.ts";
export { planEngine } from "./plan-engine.ts";
export type {
  Added,
  Changed,
  ConfigReader,
  EngineFacts,
  EnginePlan,
  EngineWish,
  FileEdit,
  RuntimeWish,
  SwarmWish,
} from "./wish.ts";
export { chooseTrial, type ChoiceOptions, type TrialChoice } from "./trial/choose-trial.ts";
export { runTrial } from "./trial/run-trial.ts";
export { TRIAL_ENGINES, type Trial, type TrialEngine, type TrialOptions, type TrialWay } from "./trial/trial.ts";
export { askClient, findClient, type ClientScene } from "./ask-client.ts";
export { runningContainers } from "./running/docker-containers.ts";
export { knows, knowsNone, reloadDocker, restartDaemon, type Activated } from "./setup/activate.ts";
export { findTarget, findTargets } from "./setup/find-targets.ts";
export { holdSetups } from "./setup/hold-setups.ts";
export { neededActivation } from "./setup/needed-activation.ts";
export { diffOf, planSetup, type PlannedSetup } from "./setup/plan-setup.ts";
export { releaseDocker } from "./setup/release-docker.ts";
export { findUnit, type ServiceUnit } from "./setup/service-unit.ts";
export type { Layer } from "./setup/layer.ts";
export { dropCdiFile, noteCdiFile, readRecord } from "./setup/setup-record.ts";
export type { SetupSite, SetupTarget } from "./setup/setup-site.ts";
export { planBack, takeBack, type BackKind, type BackStep } from "./setup/take-back.ts";
export { isSameLayer, writeSetup } from "./setup/write-setup.ts";
