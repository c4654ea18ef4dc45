/**
 * The part of protocol buffers that CRIU's service speaks (protobuf.dev, "Encoding"): varints, texts and messages in messages. By
 * hand, because these few fields don't earn the time that a library takes to load, nor its generated code.
 */

/** A field's number and what it holds. */
export interface Field {
  readonly number: number;
  readonly type: 'int' | 'bool' | 'text' | Fields;
  readonly isList?: boolean;
}
/** A message: its fields by name. */
export interface Fields {
  readonly [name: string]: Field;
}

type Scalar = number | boolean | string | Message;
export interface Message {
  readonly [name: string]: Scalar | readonly Scalar[] | undefined;
}

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;
/** A negative int32 is sent as 64 bits. */
const WORD = 1n << 64n;

/** What is undefined is left out. */
export function encode(fields: Fields, message: Message): Buffer {
  const parts = Object.entries(message).flatMap(([name, value]) => {
    const field = fields[name];
    if (field === undefined) throw new Error(`There is no field "${name}"`);
    if (value === undefined) return [];
    const values: readonly Scalar[] = isList(value) ? value : [value];
    return values.map((each) => encodeField(field, each));
  });
  return Buffer.concat(parts);
}

const isList = (value: Scalar | readonly Scalar[]): value is readonly Scalar[] => Array.isArray(value);

function encodeField({ number, type }: Field, value: Scalar): Buffer {
  const tag = (wire: number): Buffer => varint(BigInt((number << 3) | wire));
  if (typeof value === 'number' || typeof value === 'boolean') {
    return Buffer.concat([tag(VARINT), varint(BigInt.asUintN(64, BigInt(value)))]);
  }
  const bytes = typeof value === 'string' ? Buffer.from(value) : encode(type as Fields, value);
  return Buffer.concat([tag(BYTES), varint(BigInt(bytes.byteLength)), bytes]);
}

function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80n) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Buffer.from(bytes);
}

/** Fields that are not in the list are passed over. Throws for what is no such message. */
export function decode(fields: Fields, data: Buffer): Message {
  const message: Record<string, Scalar | Scalar[]> = {};
  const names = new Map(Object.entries(fields).map(([name, field]) => [field.number, { name, ...field }]));
  let at = 0;
  const next = (): bigint => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = data[at++];
      if (byte === undefined) break;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value % WORD;
    }
    throw new Error('A message of CRIU is cut off');
  };
  const take = (length: number): Buffer => {
    if (length > data.byteLength - at) throw new Error('A message of CRIU is cut off');
    at += length;
    return data.subarray(at - length, at);
  };
  while (at < data.byteLength) {
    const tag = Number(next());
    const wire = tag & 7;
    const field = names.get(tag >>> 3);
    const raw =
      wire === VARINT
        ? next()
        : take(wire === BYTES ? Number(next()) : wire === FIXED64 ? 8 : wire === FIXED32 ? 4 : Infinity);
    if (field === undefined) continue;
    const value = read(field, raw);
    if (field.isList === true) message[field.name] = [...((message[field.name] as Scalar[]) ?? []), value];
    else message[field.name] = value;
  }
  return message;
}

function read({ type }: Field, raw: bigint | Buffer): Scalar {
  if (typeof raw === 'bigint') {
    if (type === 'bool') return raw !== 0n;
    if (type === 'int') return Number(BigInt.asIntN(64, raw));
  } else {
    if (type === 'text') return raw.toString('utf8');
    if (typeof type === 'object') return decode(type, raw);
  }
  throw new Error('A field of a message of CRIU has another type');
}
