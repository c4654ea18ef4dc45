import { isIPv4 } from 'node:net';
import { decode } from 'dns-packet';
import { bytesOf, parseAddress } from '../networks/subnet.ts';

/** Messages of DNS (RFC 1035, RFC 6891). Pure. Replies begin with the question's own bytes, whatever is in its name. */
export interface Query {
  readonly bytes: Buffer;
  /** As it was asked, without its last dot. */
  readonly name: string;
  /** `A`, `AAAA`, `PTR`, `MX`, ... */
  readonly type: string;
  readonly isInternet: boolean;
  readonly questionEnd: number;
  /** What the client takes in one UDP message. */
  readonly udpBytes: number;
}

export type Answer =
  { readonly type: 'A' | 'AAAA'; readonly address: string } | { readonly type: 'PTR'; readonly name: string };

export const RCODES = { ok: 0, malformed: 1, failed: 2, notImplemented: 4, refused: 5 } as const;
export type Rcode = (typeof RCODES)[keyof typeof RCODES];

export const HEADER_BYTES = 12;
/** Longer than any question that is one. What takes long to read is refused by its header. */
const QUERY_MAX_BYTES = 4096;
const UDP_BYTES = 512;
const TCP_BYTES = 65_535;
const MAX_ADDITIONALS = 2;
/** Docker's. */
const TTL_S = 600;

const RESPONSE = 1 << 15;
const OPCODE = 0b1111 << 11;
const TRUNCATED = 1 << 9;
const RECURSION_DESIRED = 1 << 8;
const RECURSION_AVAILABLE = 1 << 7;
const CHECKING_DISABLED = 1 << 4;
const RCODE = 0b1111;
const INTERNET = 1;
const TYPES = { A: 1, PTR: 12, AAAA: 28 } as const;
/** A name that is the question's: a pointer to the byte behind the header. */
const QUESTION_NAME = 0xc000 | HEADER_BYTES;

export type Read =
  | { readonly kind: 'query'; readonly query: Query }
  /** A reply that says what is wrong with it. */
  | { readonly kind: 'bad'; readonly reply: Buffer }
  /** No question at all. */
  | { readonly kind: 'dropped' };

/** Takes apart what a client sent. Never throws. */
export function readQuery(bytes: Buffer): Read {
  if (bytes.byteLength < HEADER_BYTES || (flagsOf(bytes) & RESPONSE) !== 0) return { kind: 'dropped' };
  const bad = (rcode: Rcode): Read => ({
    kind: 'bad',
    reply: header(bytes, { rcode, questions: 0, answers: 0 }),
  });
  if ((flagsOf(bytes) & OPCODE) !== 0) return bad(RCODES.notImplemented);
  const questionEnd = endOfQuestion(bytes);
  if (questionEnd === undefined || hasTooMuch(bytes)) return bad(RCODES.malformed);
  try {
    const { questions = [], additionals = [] } = decode(bytes);
    const [question] = questions;
    if (question === undefined) return bad(RCODES.malformed);
    const udpBytes = Math.max(
      UDP_BYTES,
      ...additionals.map((each) => (each.type === 'OPT' ? each.udpPayloadSize : 0)),
    );
    const isInternet = bytes.readUInt16BE(questionEnd - 2) === INTERNET;
    const { name, type } = question;
    return { kind: 'query', query: { bytes, name, type, isInternet, questionEnd, udpBytes } };
  } catch {
    return bad(RCODES.malformed);
  }
}

const flagsOf = (bytes: Buffer): number => bytes.readUInt16BE(2);

/** One question, no answers; EDNS and a signature at most. */
const hasTooMuch = (bytes: Buffer): boolean =>
  bytes.byteLength > QUERY_MAX_BYTES ||
  bytes.readUInt16BE(4) !== 1 ||
  bytes.readUInt16BE(6) !== 0 ||
  bytes.readUInt16BE(8) !== 0 ||
  bytes.readUInt16BE(10) > MAX_ADDITIONALS;

/** Of the first one, whose name can't be a pointer. */
function endOfQuestion(bytes: Buffer): number | undefined {
  for (let at = HEADER_BYTES; at < bytes.byteLength;) {
    const length = bytes[at] ?? 0;
    if (length === 0) return at + 5 <= bytes.byteLength ? at + 5 : undefined;
    if (length > 63) return undefined;
    at += 1 + length;
  }
  return undefined;
}

function header(
  query: Buffer,
  reply: {
    readonly rcode: Rcode;
    readonly questions: number;
    readonly answers: number;
    readonly truncated?: boolean;
  },
): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES);
  query.copy(bytes, 0, 0, 2);
  const kept = flagsOf(query) & (OPCODE | RECURSION_DESIRED | CHECKING_DISABLED);
  const truncated = reply.truncated === true ? TRUNCATED : 0;
  bytes.writeUInt16BE(RESPONSE | kept | RECURSION_AVAILABLE | truncated | reply.rcode, 2);
  bytes.writeUInt16BE(reply.questions, 4);
  bytes.writeUInt16BE(reply.answers, 6);
  return bytes;
}

const questionOf = ({ bytes, questionEnd }: Query): Buffer => bytes.subarray(HEADER_BYTES, questionEnd);

/** A reply without answers. */
export const refuse = (query: Query, rcode: Rcode): Buffer =>
  Buffer.concat([header(query.bytes, { rcode, questions: 1, answers: 0 }), questionOf(query)]);

/** As many answers as fit; the client asks again by TCP when they are not all. */
export function answer(query: Query, answers: readonly Answer[], transport: 'udp' | 'tcp'): Buffer {
  let room = (transport === 'tcp' ? TCP_BYTES : query.udpBytes) - query.questionEnd;
  const records = answers.map(record).filter((each) => (room -= each.byteLength) >= 0);
  const truncated = records.length < answers.length;
  const reply = { rcode: RCODES.ok, questions: 1, answers: records.length, truncated };
  return Buffer.concat([header(query.bytes, reply), questionOf(query), ...records]);
}

function record(answered: Answer): Buffer {
  const data = answered.type === 'PTR' ? nameBytes(answered.name) : bytesOf(parseAddress(answered.address));
  const head = Buffer.alloc(12);
  head.writeUInt16BE(QUESTION_NAME, 0);
  head.writeUInt16BE(TYPES[answered.type], 2);
  head.writeUInt16BE(INTERNET, 4);
  head.writeUInt32BE(TTL_S, 6);
  head.writeUInt16BE(data.byteLength, 10);
  return Buffer.concat([head, data]);
}

const nameBytes = (name: string): Buffer =>
  Buffer.concat([
    ...name
      .split('.')
      .filter((label) => label !== '')
      .map((label) =>
        Buffer.concat([
          Buffer.of(Math.min(63, Buffer.byteLength(label))),
          Buffer.from(label).subarray(0, 63),
        ]),
      ),
    Buffer.of(0),
  ]);

/** Whether these bytes, from a server, answer this question; and how. */
export function readReply(query: Query, bytes: Buffer): { readonly rcode: number } | undefined {
  if (bytes.byteLength < HEADER_BYTES || (flagsOf(bytes) & RESPONSE) === 0) return undefined;
  if (bytes.readUInt16BE(0) !== query.bytes.readUInt16BE(0)) return undefined;
  // A server that could not read the question does not repeat it.
  const repeats = bytes.readUInt16BE(4) === 1;
  const question = bytes.subarray(HEADER_BYTES, query.questionEnd);
  if (
    repeats &&
    question.toString('latin1').toLowerCase() !== questionOf(query).toString('latin1').toLowerCase()
  )
    return undefined;
  return { rcode: flagsOf(bytes) & RCODE };
}

const V4_SUFFIX = '.in-addr.arpa';
const V6_SUFFIX = '.ip6.arpa';

/** The address that a reverse look-up asks for: `2.0.18.172.in-addr.arpa`; undefined for a name of another kind. */
export function reversedAddress(asked: string): string | undefined {
  const name = asked.toLowerCase();
  if (name.endsWith(V4_SUFFIX)) {
    const text = name.slice(0, -V4_SUFFIX.length).split('.').reverse().join('.');
    return isIPv4(text) ? text : undefined;
  }
  if (!name.endsWith(V6_SUFFIX)) return undefined;
  const nibbles = name.slice(0, -V6_SUFFIX.length).split('.').reverse().join('');
  return /^[0-9a-f]{32}$/.test(nibbles) ? (nibbles.match(/.{4}/g) ?? []).join(':') : undefined;
}
