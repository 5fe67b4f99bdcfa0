import { readFileSync } from "node:fs";
import { connect, type ClientHttp2Session } from "node:http2";
import { createConnection } from "node:net";
import { join } from "node:path";
import type { Scope } from "../lib/scope.ts";
import { decode, encode, type Message } from "./protobuf.ts";

/** What the kubelet says to a container engine over its socket: k8s.io/cri-api, runtime/v1/api.proto. */
export class CriClient {
  readonly #connection: ClientHttp2Session;

  constructor(socket: string) {
    this.#connection = connect("http://localhost", { createConnection: () => createConnection(socket) });
  }

  close(): void {
    this.#connection.close();
  }

  /** Calls a method, as "RuntimeService/Version". Throws an Error with the engine's own message. */
  async call(method: string, request: Message): Promise<ReadonlyMap<number, number | Uint8Array>> {
    const stream = this.#connection.request({
      ":method": "POST",
      ":path": `/runtime.v1.${method}`,
      "content-type": "application/grpc",
      te: "trailers",
    });
    const message = encode(request);
    const head = Buffer.alloc(5);
    head.writeUInt32BE(message.length, 1);
    stream.end(Buffer.concat([head, message]));
    return new Promise((resolve, reject) => {
      const parts: Buffer[] = [];
      let [status, said] = ["", ""];
      const note = (headers: Readonly<Record<string, string | string[] | number | undefined>>): void => {
        status = headers["grpc-status"]?.toString() ?? status;
        said = headers["grpc-message"]?.toString() ?? said;
      };
      stream.on("response", note);
      stream.on("trailers", note);
      stream.on("data", (part: Buffer) => parts.push(part));
      stream.on("error", reject);
      stream.on("end", () => {
        if (status === "0") resolve(decode(Buffer.concat(parts).subarray(5)));
        else reject(new Error(`${method}: ${decodeURIComponent(said)}`));
      });
    });
  }
}

/** NamespaceMode.NODE: without a network of its own, which would take plugins. */
const HOST_NETWORK = { 1: 2 };
const EXITED = 2;

export interface ContainerWish {
  readonly image: string;
  readonly command: readonly string[];
  /** Qualified CDI names, as a device plugin gives them to the kubelet. */
  readonly devices?: readonly string[];
  readonly annotations?: Readonly<Record<string, string>>;
  readonly memoryBytes?: number;
  readonly user?: number;
  readonly isReadOnly?: boolean;
  /** The runtime of the engine's configuration that the pod names. */
  readonly runtime?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export interface ContainerEnd {
  readonly exitCode: number;
  /** Of both streams. */
  readonly output: string;
}

/** Waits until an image that was imported beside the kubelet's way is known to it. */
export async function waitForImage(client: CriClient, name: string): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    const answer = await client.call("ImageService/ImageStatus", { 1: { 1: name } });
    if (bytesOf(answer, 1).length > 0) return;
    await Bun.sleep(50);
  }
  throw new Error(`the image "${name}" did not come`);
}

/** Runs one container in a pod of its own to its end, and removes both. */
export async function runInPod(client: CriClient, scope: Scope, wish: ContainerWish): Promise<ContainerEnd> {
  const logs = scope.folder("logs");
  const pod: Message = {
    1: { 1: "pod", 2: logs, 3: "e2e" },
    4: {},
    3: logs,
    8: { 2: { 1: HOST_NETWORK } },
  };
  const handler = wish.runtime === undefined ? {} : { 2: wish.runtime };
  const sandbox = textOf(await client.call("RuntimeService/RunPodSandbox", { 1: pod, ...handler }), 1);
  try {
    const made = await client.call("RuntimeService/CreateContainer", { 1: sandbox, 2: containerConfig(wish), 3: pod });
    const id = textOf(made, 1);
    await client.call("RuntimeService/StartContainer", { 1: id });
    const exitCode = await waitForEnd(client, id);
    return { exitCode, output: readLog(join(logs, "log")) };
  } finally {
    await client.call("RuntimeService/StopPodSandbox", { 1: sandbox });
    await client.call("RuntimeService/RemovePodSandbox", { 1: sandbox });
  }
}

function containerConfig({ image, command, devices = [], annotations = {}, ...wish }: ContainerWish): Message {
  const security = {
    3: HOST_NETWORK,
    ...(wish.user === undefined ? {} : { 5: { 1: wish.user } }),
    ...(wish.isReadOnly === true ? { 7: 1 } : {}),
  };
  return {
    1: { 1: "container" },
    2: { 1: image },
    3: [...command],
    6: Object.entries(wish.env ?? {}).map(([key, value]) => ({ 1: key, 2: value })),
    10: Object.entries(annotations).map(([key, value]) => ({ 1: key, 2: value })),
    11: "log",
    15: { ...(wish.memoryBytes === undefined ? {} : { 1: { 4: wish.memoryBytes } }), 2: security },
    17: devices.map((name) => ({ 1: name })),
  };
}

async function waitForEnd(client: CriClient, id: string): Promise<number> {
  for (let tries = 0; tries < 600; tries += 1) {
    const status = decode(bytesOf(await client.call("RuntimeService/ContainerStatus", { 1: id }), 1));
    if (status.get(3) === EXITED) return Number(status.get(7) ?? 0);
    await Bun.sleep(50);
  }
  throw new Error(`container ${id} has not ended`);
}

/** Lines as "2026-11-26T12:00:00.0Z stdout F text". */
function readLog(path: string): string {
  return readFileSync(path, "utf8").replace(/^\S+ std(?:out|err) [FP] /gm, "");
}

function bytesOf(message: ReadonlyMap<number, number | Uint8Array>, field: number): Uint8Array {
  const value = message.get(field);
  return value instanceof Uint8Array ? value : new Uint8Array();
}

function textOf(message: ReadonlyMap<number, number | Uint8Array>, field: number): string {
  return Buffer.from(bytesOf(message, field)).toString();
}
