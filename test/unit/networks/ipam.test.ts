import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAddressPool } from '../../../daemon/core/networks/address-pool.ts';
import type { NetworkRequest } from '../../../daemon/core/networks/contract.ts';
import { planIpam, poolOf, poolsOf, type IpamSituation } from '../../../daemon/core/networks/ipam.ts';
import { addressText, parseAddress, parseCidr } from '../../../daemon/core/networks/subnet.ts';
import type { IpamConfig } from '../../../daemon/core/networks/types.ts';

const subnet = (text: string) => parseCidr(text).subnet;
const config = (text: string, more: Partial<IpamConfig> = {}): IpamConfig => ({
  subnet: text,
  ipRange: undefined,
  gateway: undefined,
  auxAddresses: {},
  ...more,
});
const request = (ipam: readonly IpamConfig[], more: Partial<NetworkRequest> = {}): NetworkRequest => ({
  name: 'n',
  driver: 'bridge',
  enableIPv4: true,
  enableIPv6: false,
  internal: false,
  attachable: false,
  ipam,
  ipamOptions: undefined,
  options: {},
  labels: {},
  ...more,
});
const free: IpamSituation = { taken: [], hostTaken: [], pools: poolsOf([], 'abcdef0123') };
const planned = (wish: NetworkRequest, situation: Partial<IpamSituation> = {}): string[] =>
  planIpam(wish, { ...free, ...situation }).map((each) => `${each.subnet} by ${each.gateway}`);

for (const { name, wish, situation, expected } of [
  { name: 'the first pool', wish: request([]), expected: ['172.17.0.0/16 by 172.17.0.1'] },
  {
    name: 'the next, when another network has the first and the host the second',
    wish: request([]),
    situation: { taken: [subnet('172.17.0.0/16')], hostTaken: [subnet('172.18.5.0/24')] },
    expected: ['172.19.0.0/16 by 172.19.0.1'],
  },
  {
    name: 'pools of the configuration, in pieces',
    wish: request([]),
    situation: { pools: poolsOf([{ base: '10.8.0.0/16', size: 24 }], ''), taken: [subnet('10.8.0.0/23')] },
    expected: ['10.8.2.0/24 by 10.8.2.1'],
  },
  {
    name: 'a private subnet of the daemon for IPv6',
    wish: request([], { enableIPv6: true }),
    expected: ['172.17.0.0/16 by 172.17.0.1', 'fdab:cdef:123::/64 by fdab:cdef:123::1'],
  },
  {
    name: 'the next of it, not walked through in small steps',
    wish: request([], { enableIPv4: false, enableIPv6: true }),
    situation: { taken: [subnet('fdab:cdef:123::/49')] },
    expected: ['fdab:cdef:123:8000::/64 by fdab:cdef:123:8000::1'],
  },
  {
    name: 'what was asked for, several of a family',
    wish: request([config('10.1.0.0/24', { gateway: '10.1.0.254' }), config('10.2.0.0/24')]),
    expected: ['10.1.0.0/24 by 10.1.0.254', '10.2.0.0/24 by 10.2.0.1'],
  },
  {
    name: 'the gateway out of the range',
    wish: request([config('10.1.0.0/16', { ipRange: '10.1.5.0/24', auxAddresses: { a: '10.1.5.0' } })]),
    expected: ['10.1.0.0/16 by 10.1.5.1'],
  },
  {
    name: 'IPv6 alone',
    wish: request([config('fd00::/64')], { enableIPv4: false, enableIPv6: true }),
    expected: ['fd00::/64 by fd00::1'],
  },
] as const) {
  test(`a network gets ${name}`, () => assert.deepEqual(planned(wish, situation), expected));
}

for (const [configs, message] of [
  [[config('10.1.0.1/24')], 'invalid subnet 10.1.0.1/24: it should be 10.1.0.0/24'],
  [[config('10.1.0.0')], 'invalid subnet 10.1.0.0: invalid CIDR block notation'],
  [
    [config('10.1.0.0/24', { gateway: '10.2.0.1' })],
    "invalid gateway 10.2.0.1: parent subnet 10.1.0.0/24 doesn't contain this address",
  ],
  [
    [config('10.1.0.0/24', { gateway: 'fd00::1' })],
    'invalid gateway fd00::1: parent subnet is an IPv4 block',
  ],
  [
    [config('10.1.0.0/24', { ipRange: '10.1.0.0/16' })],
    "invalid ip-range 10.1.0.0/16: parent subnet 10.1.0.0/24 doesn't contain ip-range",
  ],
  [[config('10.1.0.0/24', { auxAddresses: { tap: 'x' } })], 'invalid auxiliary address tap: invalid address'],
] as const) {
  test(`refused: ${message}`, () =>
    assert.throws(() => planIpam(request(configs), free), {
      code: 'invalid-argument',
      message: `invalid network config:\n${message}`,
    }));
}

test('two subnets that overlap are refused, also within one network', () => {
  for (const [configs, taken] of [
    [[config('10.1.0.0/24')], [subnet('10.0.0.0/8')]],
    [[config('10.1.0.0/24'), config('10.1.0.128/25')], []],
  ] as const) {
    assert.throws(() => planned(request(configs), { taken }), {
      message: 'invalid pool request: Pool overlaps with other one on this address space',
    });
  }
});

test('a pool keeps to its range, leaves out what is reserved, and comes to an end', () => {
  const pool = poolOf(
    config('10.0.0.0/24', { ipRange: '10.0.0.8/29', gateway: '10.0.0.9', auxAddresses: { x: '10.0.0.12' } }),
  );
  const taken = Array.from({ length: 6 }, () => addressText(pool.take()));
  assert.deepEqual(taken, ['10.0.0.8', '10.0.0.10', '10.0.0.11', '10.0.0.13', '10.0.0.14', '10.0.0.15']);
  assert.throws(() => pool.take(), { code: 'unavailable' });
  pool.give(parseAddress('10.0.0.12'));
  assert.throws(() => pool.take(), { code: 'unavailable' }, 'what is reserved does not come back');
  pool.takeThis(parseAddress('10.0.0.200'));
  assert.throws(() => pool.takeThis(parseAddress('10.0.0.200')), { message: 'Address already in use' });
});

test('a pool of 2^64 addresses is not counted', () => {
  const pool = createAddressPool({
    subnet: subnet('fd00::/64'),
    range: undefined,
    reserved: [parseAddress('fd00::1')],
  });
  assert.deepEqual([addressText(pool.take()), addressText(pool.take())], ['fd00::2', 'fd00::3']);
  pool.give(parseAddress('fd00::2'));
  assert.equal(addressText(pool.take()), 'fd00::4');
});

test('networks of one and two addresses have something to give', () => {
  for (const [text, expected] of [
    ['10.0.0.4/31', ['10.0.0.4', '10.0.0.5']],
    ['10.0.0.4/32', ['10.0.0.4']],
    ['fd00::8/127', ['fd00::8', 'fd00::9']],
  ] as const) {
    const pool = createAddressPool({ subnet: subnet(text), range: undefined, reserved: [] });
    assert.deepEqual(
      expected.map(() => addressText(pool.take())),
      expected,
    );
    assert.throws(() => pool.take(), { code: 'unavailable' });
  }
});
