import assert from 'node:assert/strict';
import { test } from 'node:test';
import { boxesOf } from '../../../daemon/core/egress/boxes.ts';
import { parseEgress } from '../../../daemon/core/egress/parse.ts';
import { addressText } from '../../../daemon/core/networks/subnet.ts';

const READ: readonly (readonly [string, string])[] = [
  ['none', ''],
  ['dns', ' dns'],
  ['10.0.0.0/8', '10.0.0.0/8 any 0-65535'],
  ['192.0.2.7', '192.0.2.7/32 any 0-65535'],
  ['192.0.2.7:443', '192.0.2.7/32 tcp 443-443'],
  ['192.0.2.0/24:8000-8100/udp', '192.0.2.0/24 udp 8000-8100'],
  ['192.0.2.7/icmp', '192.0.2.7/32 icmp 0-65535'],
  ['2001:db8::/32', '2001:db8::/32 any 0-65535'],
  ['2001:db8::7/tcp', '2001:db8::7/128 tcp 0-65535'],
  ['[2001:db8::7]:443', '2001:db8::7/128 tcp 443-443'],
  ['[2001:db8::/32]:53/udp', '2001:db8::/32 udp 53-53'],
  ['0.0.0.0/0:443, dns', '0.0.0.0/0 tcp 443-443 dns'],
];

for (const [text, expected] of READ) {
  test(`the egress list ${text}`, () => {
    const { rules, dns } = parseEgress(text) ?? { rules: [], dns: false };
    const shown = rules.map(
      ({ network, protocol, first, last }) => `${network} ${protocol} ${first}-${last}`,
    );
    assert.equal(`${shown.join()}${dns ? ' dns' : ''}`, expected);
  });
}

const WRONG: readonly (readonly [string, RegExp])[] = [
  ['', /"": expected none, dns or ADDRESS/],
  ['example.com', /names of hosts are not taken/],
  ['none,dns', /"none": it stands alone/],
  ['10.0.0.300', /"10.0.0.300" is no address/],
  ['10.0.0.0/33', /"10.0.0.0\/33" is no network/],
  ['10.0.0.1/8', /the network is 10.0.0.0\/8/],
  ['10.0.0.1:0', /"0" is no port/],
  ['10.0.0.1:90-80', /"90-80" is no port/],
  ['10.0.0.1:80/icmp', /icmp has no ports/],
  ['10.0.0.1:80/http', /the protocol is one of tcp, udp, sctp, icmp, not "http"/],
  ['[::1', /expected none, dns or ADDRESS/],
];

for (const [text, expected] of WRONG) {
  test(`no egress list: ${JSON.stringify(text)}`, () => {
    assert.throws(() => parseEgress(text), expected);
  });
}

test('rules that overlap become boxes that do not, and that hold the same', () => {
  const { rules } = parseEgress(
    '10.0.0.0/8:80-90,10.1.0.0/16,10.1.2.3:85,10.2.0.0/16:85-100,10.2.0.0/16:53/udp',
  ) ?? {
    rules: [],
  };
  const shown = boxesOf(rules, 4).map(({ addresses: { first, last }, protocols, ports }) => {
    const range = [first, last].map((value) => addressText({ family: 4, value })).join('-');
    return `${range} ${protocols.first}-${protocols.last} ${ports.first}-${ports.last}`;
  });
  assert.deepEqual(shown, [
    '10.0.0.0-10.0.255.255 6-6 80-90',
    '10.1.0.0-10.1.2.2 0-255 0-65535',
    '10.1.2.3-10.1.2.3 0-255 0-65535',
    '10.1.2.4-10.1.255.255 0-255 0-65535',
    '10.2.0.0-10.2.255.255 6-6 80-100',
    '10.2.0.0-10.2.255.255 17-17 53-53',
    '10.3.0.0-10.255.255.255 6-6 80-90',
  ]);
  assert.deepEqual(boxesOf(rules, 6), []);
});
