import {
  listContainerd,
  listCrio,
  listDocker,
  listPodman,
  type Listing,
  type ListOptions,
} from "../../engines/index.ts";
import type { KnownContainer, OwnedProcess } from "../../watch/index.ts";

/** What an engine has for its names; without them a container is shown by its id. */
const ENGINE_MS = 500;
/** Names do not change, but containers go. */
const AGAIN_MS = 10_000;

type Placed = NonNullable<OwnedProcess["place"]["container"]>;

/** The names of containers, asked of their engines: again where one is not known yet, and from time to time. */
export class ContainerNames {
  readonly #options: ListOptions;
  #listings: readonly Listing[] = [];
  #askedFor: ReadonlySet<string> = new Set();
  #askedAt = -Infinity;

  constructor(options: Pick<ListOptions, "env">) {
    this.#options = { ...options, timeoutMs: ENGINE_MS };
  }

  /** By id. Only engines that a process is of are asked; a bare id may be anybody's. */
  async of(owned: readonly OwnedProcess[]): Promise<ReadonlyMap<string, KnownContainer>> {
    const placed = owned.flatMap(({ place: { container } }) => container ?? []);
    const now = performance.now();
    if (placed.some(({ id }) => !this.#askedFor.has(id)) || now - this.#askedAt > AGAIN_MS) {
      this.#listings = await askEngines(placed, this.#options);
      this.#askedFor = new Set(placed.map(({ id }) => id));
      this.#askedAt = now;
    }
    return new Map(placed.map((each) => [each.id, known(each, this.#listings)]));
  }
}

async function askEngines(placed: readonly Placed[], options: ListOptions): Promise<readonly Listing[]> {
  const isAsked = (engine: Placed["engine"]): boolean =>
    placed.some((each) => each.engine === engine || each.engine === undefined);
  const ids = new Set(placed.map(({ id }) => id));
  return [
    ...(isAsked("containerd") ? listContainerd("/", ids) : []),
    ...(isAsked("cri-o") ? listCrio("/", ids) : []),
    ...(isAsked("docker") ? await listDocker(options) : []),
    ...(isAsked("podman") ? listPodman(options) : []),
  ];
}

function known({ id, engine, user }: Placed, listings: readonly Listing[]): KnownContainer {
  // A user can give his own groups the name of another's container.
  const ofUser = listings.filter((listing) => listing.user === user);
  const said = ofUser.flatMap(({ containers }) => containers).find((each) => each.id === id);
  if (said !== undefined) return { ...said, isListed: true };
  // A bare id may be of an engine that nobody was asked.
  const isAnswered = engine !== undefined && ofUser.some((listing) => listing.engine === engine);
  const isListed = isAnswered ? false : undefined;
  return { id, engine, name: undefined, image: undefined, project: undefined, isListed };
}
