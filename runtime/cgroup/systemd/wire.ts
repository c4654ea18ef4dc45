import { internal } from '../../../common/errors.ts';

/**
 * The D-Bus wire format, little-endian (https://dbus.freedesktop.org/doc/dbus-specification.html, "Type System" and "Message
 * Protocol"): what is needed to talk to systemd, without descriptors.
 */
export type BusValue = number | bigint | string | boolean | readonly BusValue[] | Variant;

export interface Variant {
  readonly signature: string;
  readonly value: BusValue;
}

export const variant = (signature: string, value: BusValue): Variant => ({ signature, value });

/** A string that is one. */
export const textOf = (value: BusValue | undefined): string => (typeof value === 'string' ? value : '');

export const METHOD_CALL = 1;
export const METHOD_RETURN = 2;
export const ERROR = 3;
export const SIGNAL = 4;

export interface Message {
  readonly type: number;
  readonly serial: number;
  readonly path?: string;
  readonly interface?: string;
  readonly member?: string;
  readonly errorName?: string;
  readonly replySerial?: number;
  readonly destination?: string;
  readonly sender?: string;
  readonly signature: string;
  readonly body: readonly BusValue[];
}

/** Header fields by their code, and their types. */
const FIELDS = [
  ['path', 1, 'o'],
  ['interface', 2, 's'],
  ['member', 3, 's'],
  ['errorName', 4, 's'],
  ['replySerial', 5, 'u'],
  ['destination', 6, 's'],
  ['sender', 7, 's'],
] as const;
const SIGNATURE_FIELD = 8;
const LITTLE_ENDIAN = 'l'.charCodeAt(0);
const VERSION = 1;
const FIXED_BYTES = 16;
/** The specification's bound. */
const MAX_MESSAGE_BYTES = 128 << 20;

export function encodeMessage(message: Message): Uint8Array {
  const body = new Encoder();
  body.values(message.signature, message.body);
  const fields: BusValue[] = FIELDS.flatMap(([name, code, type]) => {
    const value = message[name];
    return value === undefined ? [] : [[code, variant(type, value)]];
  });
  if (message.signature !== '') fields.push([SIGNATURE_FIELD, variant('g', message.signature)]);
  const header = new Encoder();
  header.values('yyyyuua(yv)', [
    LITTLE_ENDIAN,
    message.type,
    0,
    VERSION,
    body.length,
    message.serial,
    fields,
  ]);
  header.align(8);
  return Buffer.concat([header.bytes(), body.bytes()]);
}

/** The first message of what was received, and how long it is; undefined when more is needed. */
export function decodeMessage(
  data: Buffer,
): { readonly message: Message; readonly bytes: number } | undefined {
  if (data.length < FIXED_BYTES) return undefined;
  if (data[0] !== LITTLE_ENDIAN) throw internal('A D-Bus message is big-endian');
  const headerBytes = Math.ceil((FIXED_BYTES + data.readUInt32LE(12)) / 8) * 8;
  const bytes = headerBytes + data.readUInt32LE(4);
  if (bytes > MAX_MESSAGE_BYTES) throw internal(`A D-Bus message has ${bytes} bytes`);
  if (data.length < bytes) return undefined;
  const [, type, , , , serial, fields] = new Decoder(data).values('yyyyuua(yv)');
  const found = new Map((fields as [number, Variant][]).map(([code, { value }]) => [code, value]));
  const named = Object.fromEntries(
    FIELDS.flatMap(([name, code]) => (found.has(code) ? [[name, found.get(code)]] : [])),
  );
  const signature = textOf(found.get(SIGNATURE_FIELD));
  const body = new Decoder(data.subarray(headerBytes, bytes)).values(signature);
  return { message: { ...named, type: Number(type), serial: Number(serial), signature, body }, bytes };
}

const ALIGNMENTS: Readonly<Record<string, number>> = {
  y: 1,
  g: 1,
  v: 1,
  n: 2,
  q: 2,
  b: 4,
  i: 4,
  u: 4,
  a: 4,
  s: 4,
  o: 4,
  x: 8,
  t: 8,
  d: 8,
  '(': 8,
  '{': 8,
};

/** Types of a fixed size. */
interface Fixed {
  readonly bytes: number;
  readonly write: (buffer: Buffer, value: never, at: number) => unknown;
  readonly read: (buffer: Buffer, at: number) => BusValue;
}

const FIXED: Readonly<Record<string, Fixed>> = {
  y: { bytes: 1, write: (b, value, at) => b.writeUInt8(value, at), read: (b, at) => b.readUInt8(at) },
  b: {
    bytes: 4,
    write: (b, value, at) => b.writeUInt32LE(Number(value), at),
    read: (b, at) => b.readUInt32LE(at) !== 0,
  },
  q: { bytes: 2, write: (b, value, at) => b.writeUInt16LE(value, at), read: (b, at) => b.readUInt16LE(at) },
  n: { bytes: 2, write: (b, value, at) => b.writeInt16LE(value, at), read: (b, at) => b.readInt16LE(at) },
  u: { bytes: 4, write: (b, value, at) => b.writeUInt32LE(value, at), read: (b, at) => b.readUInt32LE(at) },
  i: { bytes: 4, write: (b, value, at) => b.writeInt32LE(value, at), read: (b, at) => b.readInt32LE(at) },
  t: {
    bytes: 8,
    write: (b, value, at) => b.writeBigUInt64LE(BigInt(value), at),
    read: (b, at) => b.readBigUInt64LE(at),
  },
  x: {
    bytes: 8,
    write: (b, value, at) => b.writeBigInt64LE(BigInt(value), at),
    read: (b, at) => b.readBigInt64LE(at),
  },
  d: { bytes: 8, write: (b, value, at) => b.writeDoubleLE(value, at), read: (b, at) => b.readDoubleLE(at) },
};

/** The complete types of a signature: `a(sv)`, `u`, ... */
function typesOf(signature: string): string[] {
  const types: string[] = [];
  for (let at = 0; at < signature.length;) {
    const end = endOfType(signature, at);
    types.push(signature.slice(at, end));
    at = end;
  }
  return types;
}

function endOfType(signature: string, start: number): number {
  let at = start;
  while (signature[at] === 'a') at += 1;
  if (signature[at] !== '(' && signature[at] !== '{') return at + 1;
  let depth = 0;
  do {
    if (signature[at] === '(' || signature[at] === '{') depth += 1;
    if (signature[at] === ')' || signature[at] === '}') depth -= 1;
    at += 1;
  } while (depth > 0 && at < signature.length);
  return at;
}

const alignmentOf = (type: string): number => {
  const alignment = ALIGNMENTS[type[0] ?? ''];
  if (alignment === undefined) throw internal(`There is no D-Bus type "${type}"`);
  return alignment;
};

class Encoder {
  #room = Buffer.alloc(256);
  length = 0;

  bytes(): Uint8Array {
    return this.#room.subarray(0, this.length);
  }

  align(bytes: number): void {
    this.#take(Math.ceil(this.length / bytes) * bytes - this.length);
  }

  values(signature: string, values: readonly BusValue[]): void {
    const types = typesOf(signature);
    if (types.length !== values.length) throw internal(`"${signature}" is not for ${values.length} values`);
    types.forEach((type, index) => this.#value(type, values[index] as BusValue));
  }

  /** Zeroes of `bytes`, and where they are. */
  #take(bytes: number): number {
    const at = this.length;
    this.length += bytes;
    if (this.length > this.#room.length) {
      this.#room = Buffer.concat([this.#room], this.length * 2);
    }
    return at;
  }

  #value(type: string, value: BusValue): void {
    this.align(alignmentOf(type));
    const fixed = FIXED[type];
    if (fixed === undefined) {
      this.#composed(type, value);
      return;
    }
    // Makes room first: the buffer may become another one.
    const at = this.#take(fixed.bytes);
    fixed.write(this.#room, value as never, at);
  }

  #composed(type: string, value: BusValue): void {
    switch (type.charAt(0)) {
      case 's':
      case 'o': {
        const text = Buffer.from(value as string);
        this.#value('u', text.length);
        this.#put(text);
        return;
      }
      case 'g': {
        const text = Buffer.from(value as string);
        this.#value('y', text.length);
        this.#put(text);
        return;
      }
      case 'v': {
        const { signature, value: inner } = value as Variant;
        this.#value('g', signature);
        this.#value(signature, inner);
        return;
      }
      case 'a':
        this.#array(type.slice(1), value as readonly BusValue[]);
        return;
      default:
        this.values(type.slice(1, -1), value as readonly BusValue[]);
    }
  }

  /** With the NUL at the end of it. */
  #put(text: Buffer): void {
    const at = this.#take(text.length + 1);
    text.copy(this.#room, at);
  }

  /** The length counts neither itself nor the padding to the first element. */
  #array(element: string, values: readonly BusValue[]): void {
    const lengthAt = this.#take(4);
    this.align(alignmentOf(element));
    const start = this.length;
    for (const value of values) this.#value(element, value);
    this.#room.writeUInt32LE(this.length - start, lengthAt);
  }
}

class Decoder {
  readonly #data: Buffer;
  #at = 0;

  constructor(data: Buffer) {
    this.#data = data;
  }

  values(signature: string): BusValue[] {
    return typesOf(signature).map((type) => this.#value(type));
  }

  #take(bytes: number): number {
    const at = this.#at;
    this.#at += bytes;
    if (this.#at > this.#data.length) throw internal('A D-Bus message ends too early');
    return at;
  }

  #value(type: string): BusValue {
    const alignment = alignmentOf(type);
    this.#at = Math.ceil(this.#at / alignment) * alignment;
    const fixed = FIXED[type];
    return fixed === undefined ? this.#composed(type) : fixed.read(this.#data, this.#take(fixed.bytes));
  }

  #composed(type: string): BusValue {
    switch (type.charAt(0)) {
      case 's':
      case 'o':
        return this.#text(Number(this.#value('u')));
      case 'g':
        return this.#text(Number(this.#value('y')));
      case 'v': {
        const signature = textOf(this.#value('g'));
        return variant(signature, this.#value(signature));
      }
      case 'a':
        return this.#array(type.slice(1));
      default:
        return this.values(type.slice(1, -1));
    }
  }

  #text(bytes: number): string {
    const at = this.#take(bytes + 1);
    return this.#data.toString('utf8', at, at + bytes);
  }

  #array(element: string): BusValue[] {
    const bytes = Number(this.#value('u'));
    const alignment = alignmentOf(element);
    this.#at = Math.ceil(this.#at / alignment) * alignment;
    const end = this.#at + bytes;
    const values: BusValue[] = [];
    while (this.#at < end) values.push(this.#value(element));
    return values;
  }
}
