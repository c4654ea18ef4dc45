import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encode } from 'dns-packet';
import { answerHere } from '../../daemon/core/dns/answer.ts';
import { readQuery, readReply } from '../../daemon/core/dns/message.ts';
import { seededRandom } from '../lib/random.ts';

const names = {
  addressesOf: () => [{ ipAddress: '10.0.0.1', ipv6Address: 'fd00::1' }],
  nameOf: () => 'web.front',
  outside: () => Promise.resolve({ servers: [], keepsWords: false }),
};

test('no bytes make the DNS server throw, or answer with what is no message', () => {
  const random = seededRandom(53);
  const seeds = (['A', 'AAAA', 'PTR', 'TXT', 'MX'] as const).map((type) =>
    encode({ type: 'query', id: 1, questions: [{ type, name: 'web.front.example' }] }),
  );
  for (let turn = 0; turn < 50_000; turn += 1) {
    const bytes = Buffer.from(seeds[random.below(seeds.length)] ?? []);
    for (let change = random.below(6); change > 0; change -= 1)
      bytes[random.below(bytes.length)] = random.below(256);
    const cut = bytes.subarray(0, random.below(3) === 0 ? random.below(bytes.length + 1) : bytes.length);
    const read = readQuery(cut);
    if (read.kind === 'bad') assert.equal(read.reply.length, 12);
    if (read.kind !== 'query') continue;
    const reply = answerHere(read.query, names, 'udp');
    assert.ok(reply === undefined || (reply.length >= 12 && reply.length <= read.query.udpBytes));
    readReply(read.query, cut);
  }
});
