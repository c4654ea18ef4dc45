import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAddressPool, macOf } from '../../../daemon/core/networks/address-pool.ts';
import {
  chooseBridgeAddress,
  DEFAULT_POOLS,
  type SubnetChoice,
} from '../../../daemon/core/networks/choose-subnet.ts';
import {
  addressText,
  overlaps,
  parseAddress,
  parseCidr,
  subnetText,
} from '../../../daemon/core/networks/subnet.ts';

const at = (text: string): ReturnType<typeof parseCidr> => parseCidr(text);
const free: SubnetChoice = {
  bip: undefined,
  before: undefined,
  inUse: false,
  present: undefined,
  taken: [],
  pools: DEFAULT_POOLS,
};
const taken = (...texts: string[]): SubnetChoice => ({
  ...free,
  taken: texts.map((text) => at(text).subnet),
});

for (const { when, choice, expected } of [
  { when: 'nothing is known', choice: free, expected: '172.17.0.1 of 172.17.0.0/16' },
  {
    when: 'the host has a part of the first',
    choice: taken('172.17.5.0/24'),
    expected: '172.18.0.1 of 172.18.0.0/16',
  },
  {
    when: 'the host has all of 172.16/12',
    choice: taken('172.16.0.0/12'),
    expected: '192.168.0.1 of 192.168.0.0/20',
  },
  {
    when: 'the host has a part of 192.168/20 too',
    choice: taken('172.16.0.0/12', '192.168.1.0/24'),
    expected: '192.168.16.1 of 192.168.16.0/20',
  },
  {
    when: 'bip says so',
    choice: { ...taken('10.1.0.0/16'), bip: '10.1.2.3/24' },
    expected: '10.1.2.3 of 10.1.2.0/24',
  },
  {
    when: 'the bridge stands',
    choice: { ...free, present: at('10.7.0.1/24') },
    expected: '10.7.0.1 of 10.7.0.0/24',
  },
  {
    when: 'it was so before',
    choice: { ...free, before: at('172.20.0.1/16') },
    expected: '172.20.0.1 of 172.20.0.0/16',
  },
  {
    when: 'the former one is taken by now',
    choice: { ...taken('172.20.0.0/16'), before: at('172.20.0.1/16') },
    expected: '172.17.0.1 of 172.17.0.0/16',
  },
  {
    when: 'containers have addresses of the former one',
    choice: { ...taken('172.20.0.0/16'), before: at('172.20.0.1/16'), inUse: true, bip: '10.1.0.1/16' },
    expected: '172.20.0.1 of 172.20.0.0/16',
  },
]) {
  test(`the bridge gets ${expected} when ${when}`, () => {
    const { address, subnet } = chooseBridgeAddress(choice);
    assert.equal(`${addressText(address)} of ${subnetText(subnet)}`, expected);
  });
}

test('without a free pool the daemon says so in the words that docker uses', () => {
  assert.throws(() => chooseBridgeAddress(taken('172.16.0.0/12', '192.168.0.0/16')), {
    code: 'unavailable',
    message: 'all predefined address pools have been fully subnetted',
  });
});

for (const text of [
  '172.17.0.1',
  '172.17.0.1/33',
  '172.17.0/16',
  '172.17.0.256/16',
  '::1/129',
  '1.2.3.4/8x',
]) {
  test(`"${text}" is no bip`, () => assert.throws(() => parseCidr(text), { code: 'invalid-argument' }));
}

test('networks overlap when one holds the other, not when they touch', () => {
  const wide = at('172.16.0.1/12').subnet;
  assert.equal(overlaps(wide, at('172.31.255.0/24').subnet), true);
  assert.equal(overlaps(at('172.31.255.0/24').subnet, wide), true);
  assert.equal(overlaps(wide, at('172.32.0.0/24').subnet), false);
});

test('a pool gives addresses in turn, and one that came back only after all others', () => {
  const { address, subnet } = at('10.0.0.1/29');
  const pool = createAddressPool({ subnet, range: undefined, reserved: [address] });
  pool.claim(parseAddress('10.0.0.3'));
  const take = (): string => addressText(pool.take());
  assert.deepEqual([take(), take()], ['10.0.0.2', '10.0.0.4']);
  pool.give(parseAddress('10.0.0.2'));
  assert.deepEqual([take(), take(), take()], ['10.0.0.5', '10.0.0.6', '10.0.0.2']);
  assert.throws(take, {
    code: 'unavailable',
    message: "no available IPv4 addresses on this network's address pools: 10.0.0.0/29",
  });
  pool.give(address);
  assert.throws(take, /no available IPv4/, 'the gateway is never given out');
});

test('the MAC tells the address', () => {
  assert.equal(macOf(parseAddress('172.17.0.10')), '02:42:ac:11:00:0a');
});
