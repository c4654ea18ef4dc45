import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode, encode, RECURSION_DESIRED, type Answer, type Packet, type RecordType } from 'dns-packet';
import { answerHere, isWord } from '../../../daemon/core/dns/answer.ts';
import type { Names } from '../../../daemon/core/dns/contract.ts';
import {
  answer,
  RCODES,
  readQuery,
  readReply,
  refuse,
  reversedAddress,
  type Query,
} from '../../../daemon/core/dns/message.ts';

const bytesOf = (type: RecordType, name: string, more: Packet = {}): Buffer =>
  encode({ type: 'query', id: 7, flags: RECURSION_DESIRED, questions: [{ type, name }], ...more });

function queryOf(bytes: Buffer): Query {
  const read = readQuery(bytes);
  assert.equal(read.kind, 'query');
  return read.query;
}

const edns = (udpPayloadSize: number): Packet => ({
  additionals: [
    {
      ...{ type: 'OPT', name: '.', udpPayloadSize, extendedRcode: 0, ednsVersion: 0 },
      ...{ flags: 0, flag_do: false, options: [] },
    },
  ],
});
const many = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ type: 'A', address: `10.0.0.${index}` }) as const);
const shown = (bytes: Buffer): unknown => {
  const {
    id,
    rcode,
    flag_tc,
    flag_ra,
    flag_rd,
    answers = [],
  } = decode(bytes) as ReturnType<typeof decode> & {
    rcode: string;
  };
  const data = answers.map((each: Answer) => (each as { data: unknown }).data);
  return { id, rcode, flag_tc, flag_ra, flag_rd, data };
};
const SAID = { id: 7, rcode: 'NOERROR', flag_tc: false, flag_ra: true, flag_rd: true };

test('a question keeps its letters, and its answers point to it', () => {
  const query = queryOf(bytesOf('A', 'WeB.Front'));
  assert.deepEqual([query.name, query.type, query.udpBytes], ['WeB.Front', 'A', 512]);
  const reply = answer(query, many(2), 'udp');
  assert.deepEqual(shown(reply), { ...SAID, data: ['10.0.0.0', '10.0.0.1'] });
  const [first] = decode(reply).answers ?? [];
  assert.deepEqual(first, {
    ...{ name: 'WeB.Front', type: 'A', ttl: 600, class: 'IN', flush: false, data: '10.0.0.0' },
  });
});

for (const [name, more, transport, wanted] of [
  ['512 bytes by UDP', {}, 'udp', 30],
  ['what EDNS has room for', edns(1232), 'udp', 75],
  ['no less than 512 bytes, whatever EDNS says', edns(10), 'udp', 29],
  ['all by TCP', {}, 'tcp', 200],
] as const) {
  test(`as many answers as fit: ${name}`, () => {
    const reply = answer(queryOf(bytesOf('A', 'all', more)), many(200), transport);
    const { answers = [], flag_tc } = decode(reply);
    assert.ok(Math.abs(answers.length - wanted) <= 1, `${answers.length} answers`);
    assert.equal(flag_tc, answers.length < 200);
  });
}

for (const [name, bytes, wanted] of [
  ['nothing', Buffer.alloc(0), 'dropped'],
  ['half a header', Buffer.alloc(11), 'dropped'],
  ['an answer', answer(queryOf(bytesOf('A', 'web')), [], 'udp'), 'dropped'],
  ['a header without a question', Buffer.alloc(12), 1],
  [
    'two questions',
    encode({
      questions: [
        { type: 'A', name: 'a' },
        { type: 'A', name: 'b' },
      ],
    }),
    1,
  ],
  [
    'a question with answers',
    bytesOf('A', 'web', { answers: [{ type: 'A', name: 'a', data: '1.2.3.4' }] }),
    1,
  ],
  ['a name that does not end', Buffer.concat([bytesOf('A', 'a').subarray(0, 12), Buffer.of(63, 1)]), 1],
  [
    'a name that is a pointer',
    Buffer.concat([bytesOf('A', 'a').subarray(0, 12), Buffer.of(0xc0, 4, 0, 1, 0, 1)]),
    1,
  ],
  ['one that is too long', Buffer.concat([bytesOf('A', 'a'), Buffer.alloc(5000)]), 1],
  ['an update', encode({ type: 'query', flags: 5 << 11, questions: [{ type: 'A', name: 'a' }] }), 4],
] as const) {
  test(`what is no question: ${name}`, () => {
    const read = readQuery(bytes);
    if (wanted === 'dropped') assert.equal(read.kind, 'dropped');
    else assert.equal(read.kind === 'bad' && read.reply.readUInt16BE(2) & 15, wanted);
  });
}

test('what a server says is believed only if it repeats the question', () => {
  const query = queryOf(bytesOf('A', 'web.example'));
  assert.deepEqual(readReply(query, refuse(query, RCODES.refused)), { rcode: 5 });
  const other = Buffer.from(refuse(query, RCODES.ok));
  other.writeUInt16BE(8, 0);
  assert.equal(readReply(query, other), undefined, 'another number');
  const wrong = refuse(queryOf(bytesOf('A', 'web.exbmple')), RCODES.ok);
  assert.equal(readReply(query, wrong), undefined, 'another name');
  assert.deepEqual(readReply(query, refuse(queryOf(bytesOf('A', 'WEB.example')), RCODES.ok)), { rcode: 0 });
  assert.equal(readReply(query, query.bytes), undefined, 'a question');
});

for (const [name, wanted] of [
  ['2.0.18.172.in-addr.arpa', '172.18.0.2'],
  ['2.0.18.172.IN-ADDR.ARPA', '172.18.0.2'],
  ['0.18.172.in-addr.arpa', undefined],
  ['300.0.18.172.in-addr.arpa', undefined],
  [`2.${'0.'.repeat(27)}0.0.d.f.ip6.arpa`, 'fd00:0000:0000:0000:0000:0000:0000:0002'],
  ['2.0.d.f.ip6.arpa', undefined],
  ['web.front', undefined],
] as const) {
  test(`the address of ${name}`, () => assert.equal(reversedAddress(name), wanted));
}

const names: Names = {
  addressesOf: (name) =>
    name.toLowerCase() === 'web'
      ? [
          { ipAddress: '172.18.0.2', ipv6Address: '' },
          { ipAddress: '172.18.0.3', ipv6Address: 'fd00::3' },
        ]
      : undefined,
  nameOf: (address) => (address === 'fd00::3' ? 'web.front' : undefined),
  outside: () => Promise.resolve({ servers: [], keepsWords: false }),
};

for (const [type, name, wanted] of [
  ['A', 'web', ['172.18.0.2', '172.18.0.3']],
  ['A', 'WEB', ['172.18.0.2', '172.18.0.3']],
  ['AAAA', 'web', ['fd00::3']],
  ['MX', 'web', []],
  ['HTTPS', 'web', []],
  ['PTR', `3.${'0.'.repeat(27)}0.0.d.f.ip6.arpa`, ['web.front']],
  ['PTR', '1.0.0.127.in-addr.arpa', undefined],
  ['A', 'web.example', undefined],
  ['TXT', 'other', undefined],
] as const) {
  test(`${type} ${name} is ${wanted === undefined ? 'for others' : `[${wanted.join(' ')}]`}`, () => {
    const query = queryOf(bytesOf(type as RecordType, name));
    const reply = answerHere(query, names, 'udp');
    const { data } = (reply === undefined ? {} : shown(reply)) as { readonly data?: readonly string[] };
    assert.deepEqual(data?.toSorted(), wanted);
  });
}

test('words are what a client looks for in its search domains', () => {
  assert.equal(isWord(queryOf(bytesOf('A', 'db'))), true);
  assert.equal(isWord(queryOf(bytesOf('A', 'db.example'))), false);
  assert.equal(isWord(queryOf(bytesOf('TXT', 'db'))), false);
});
