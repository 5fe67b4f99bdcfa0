/** A message to be: values by field number. A list is a repeated field, a number a varint, an object a message. Source: protobuf.dev, "Encoding". */
export interface Message {
  readonly [field: number]: string | number | Message | readonly (string | Message)[];
}

const [VARINT, BYTES] = [0, 2];

/** The message as bytes. */
export function encode(message: Message): Buffer {
  const fields = Object.entries(message).flatMap(([field, value]) => {
    const values: readonly (string | number | Message)[] = isList(value) ? value : [value];
    return values.map((each) => encodeField(Number(field), each));
  });
  return Buffer.concat(fields);
}

function isList(value: Message[number]): value is readonly (string | Message)[] {
  return Array.isArray(value);
}

function encodeField(field: number, value: string | number | Message): Buffer {
  if (typeof value === "number") return Buffer.concat([varint((field << 3) | VARINT), varint(value)]);
  const bytes = typeof value === "string" ? Buffer.from(value) : encode(value);
  return Buffer.concat([varint((field << 3) | BYTES), varint(bytes.length), bytes]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...bytes, rest]);
    bytes.push((rest % 128) | 128);
  }
}

/** The last value of each field of a message: a number, or the bytes of a text or message. */
export function decode(bytes: Uint8Array): ReadonlyMap<number, number | Uint8Array> {
  const fields = new Map<number, number | Uint8Array>();
  let at = 0;
  const next = (): number => {
    let [value, unit] = [0, 1];
    for (;;) {
      const byte = bytes[at++] ?? 0;
      value += (byte % 128) * unit;
      if (byte < 128) return value;
      unit *= 128;
    }
  };
  while (at < bytes.length) {
    const key = next();
    const kind = key & 7;
    if (kind !== VARINT && kind !== BYTES) throw new RangeError(`wire type ${kind}`);
    const value = next();
    fields.set(key >>> 3, kind === VARINT ? value : bytes.subarray(at, at + value));
    if (kind === BYTES) at += value;
  }
  return fields;
}
