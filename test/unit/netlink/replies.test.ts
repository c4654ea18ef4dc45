import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  attribute,
  message,
  numbered,
  parseAttributes,
  parseMessages,
  text,
  textOf,
} from '../../../native/netlink/message.ts';
import { parseReply, REPLY_ERRNO_OFFSET } from '../../../native/netlink/reply.ts';

const bytes = (hex: string): Buffer => Buffer.from(hex.replaceAll(/\s/g, ''), 'hex');

/** Linux 6.18's answer to a default route by 10.9.9.9, with NETLINK_EXT_ACK and without NETLINK_CAP_ACK. */
const REFUSAL = bytes(`58000000 02000002 f831016b 03750000 9bffffff 24000000 18000506 f831016b 00000000
  02000000 fe030001 00000000 08000500 0a090909
  20000100 4e657874 686f7020 68617320 696e7661 6c696420 67617465 77617900`);

/** The same as NETLINK_CAP_ACK has it: the refused message is cut to its header. */
const CAPPED = bytes(`44000000 02000003 f831016b 03750000 9bffffff 24000000 18000506 f831016b 00000000
  20000100 4e657874 686f7020 68617320 696e7661 6c696420 67617465 77617900`);

const DONE = bytes('24000000 02000001 01000000 00000000 00000000 20000000 10000500 01000000 00000000');

for (const { name, reply, expected } of [
  { name: 'a refusal', reply: REFUSAL, expected: { errno: 101, explanation: 'Nexthop has invalid gateway' } },
  {
    name: 'a capped refusal',
    reply: CAPPED,
    expected: { errno: 101, explanation: 'Nexthop has invalid gateway' },
  },
  { name: 'an acknowledgement', reply: DONE, expected: { errno: 0, explanation: undefined } },
]) {
  test(`${name} is read`, () => {
    assert.deepEqual(parseMessages(reply).map(parseReply), [expected]);
  });
}

test('the errno of a whole reply lies where a plan looks for it', () => {
  assert.equal(REFUSAL.readInt32LE(REPLY_ERRNO_OFFSET), -101);
});

test('several messages of one datagram are told apart by their sequence numbers', () => {
  const first = numbered(message(16, 0, attribute(3, text('lo'))), 7, 4);
  const second = numbered(message(20, 0, Buffer.alloc(3)), 8, 4);
  const datagram = Buffer.concat([first, second, Buffer.alloc(1)]);
  const parsed = parseMessages(datagram);
  assert.deepEqual(
    parsed.map(({ type, sequence, flags }) => ({ type, sequence, flags })),
    [
      { type: 16, sequence: 7, flags: 5 },
      { type: 20, sequence: 8, flags: 5 },
    ],
  );
  assert.equal(textOf(parseAttributes(parsed[0]?.body ?? Buffer.alloc(0)).get(3)), 'lo');
});

for (const { name, broken } of [
  {
    name: 'a message longer than its datagram',
    broken: () => parseMessages(bytes('20000000 10000100 00000000 00000000')),
  },
  {
    name: 'a message shorter than its header',
    broken: () => parseMessages(bytes('04000000 10000100 00000000 00000000')),
  },
  { name: 'an attribute that runs on', broken: () => parseAttributes(bytes('10000300 6c6f0000')) },
  { name: 'an attribute of no length', broken: () => parseAttributes(bytes('00000300 6c6f0000')) },
]) {
  test(`${name} is refused`, () => assert.throws(broken, /^WherryError: Netlink/));
}
