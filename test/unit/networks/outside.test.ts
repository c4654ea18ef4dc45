import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatInternal, outsideOf } from '../../../daemon/core/networks/outside.ts';
import { parseResolvConf } from '../../../daemon/core/networks/resolv-conf.ts';

const none = { nameservers: [], search: [], options: [] };
const text = (host: string, overrides: Partial<typeof none> | object = {}, hasIPv6 = false): string[] => {
  const [conf, all] = [parseResolvConf(host), { ...none, ...overrides }];
  return formatInternal(conf, all, outsideOf(conf, all, hasIPv6).servers)
    .trim()
    .split('\n')
    .slice(2);
};
const FROM = "# Based on host file: '/etc/resolv.conf' (internal resolver)";

for (const { name, host, overrides, hasIPv6, expected } of [
  {
    name: "the host's servers; its own loopback is asked by the host",
    host: 'nameserver 127.0.0.53\nnameserver 10.0.0.1\nsearch corp.example\noptions edns0 trust-ad\n',
    expected: [
      ...['nameserver 127.0.0.11', 'search corp.example', 'options edns0 trust-ad ndots:0', '', FROM],
      ...['# ExtServers: [host(127.0.0.53) 10.0.0.1]', '# Overrides: []', '# Option ndots from: internal'],
    ],
  },
  {
    name: 'what the client chose, from the container, also its loopback',
    host: 'nameserver 10.0.0.1\n',
    overrides: { nameservers: ['127.0.0.1', '127.0.0.11'], search: ['.'], options: ['ndots:2'] },
    expected: [
      ...['nameserver 127.0.0.11', 'options ndots:2', '', FROM, '# ExtServers: [127.0.0.1]'],
      ...['# Overrides: [nameservers search options]', '# Option ndots from: override'],
    ],
  },
  {
    name: 'no server at all; ndots that is no number',
    host: 'options ndots:many\nsortlist 10.0.0.0\n',
    expected: [
      ...[
        'nameserver 127.0.0.11',
        'options ndots:0',
        'sortlist 10.0.0.0',
        '',
        FROM,
        '# Used default nameservers.',
      ],
      ...['# ExtServers: [8.8.8.8 8.8.4.4]', '# Overrides: []', '# Option ndots from: internal'],
    ],
  },
  {
    name: 'a server with IPv6, for a container without',
    host: 'nameserver fd00::53\noptions ndots:1\n',
    expected: [
      ...['nameserver 127.0.0.11', 'options ndots:1', '', FROM, '# ExtServers: [host(fd00::53)]'],
      ...['# Overrides: []', '# Option ndots from: host'],
    ],
  },
  {
    name: 'a server with IPv6, for a container that has it, too',
    host: 'nameserver fd00::53\n',
    hasIPv6: true,
    expected: [
      ...['nameserver 127.0.0.11', 'options ndots:0', '', FROM, '# ExtServers: [fd00::53]'],
      ...['# Overrides: []', '# Option ndots from: internal'],
    ],
  },
]) {
  test(`resolv.conf with a DNS server of its own: ${name}`, () =>
    assert.deepEqual(text(host, overrides, hasIPv6), expected));
}

for (const [options, wanted] of [
  [[], false],
  [['ndots:0'], false],
  [['ndots:2', 'ndots:0'], false],
  [['ndots:1'], true],
] as const) {
  test(`with [${options.join(' ')}] words are ${wanted ? 'never' : 'also'} asked for outside`, () =>
    assert.equal(outsideOf(parseResolvConf(''), { ...none, options }, false).keepsWords, wanted));
}
