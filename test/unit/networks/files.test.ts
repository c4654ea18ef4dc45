import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NETWORK_DEFAULTS, type FilesRequest } from '../../../daemon/core/networks/contract.ts';
import { NO_SETTINGS, type Endpoint, type Sandbox } from '../../../daemon/core/networks/types.ts';
import { networkFiles, type HostFiles } from '../../../daemon/core/networks/files.ts';

const endpoint: Endpoint = {
  containerId: 'c',
  networkId: 'n',
  networkName: 'bridge',
  driver: 'bridge',
  endpointId: 'e',
  ipAddress: '172.17.0.2',
  prefixLength: 16,
  gateway: '172.17.0.1',
  ipv6Address: '',
  ipv6PrefixLength: 0,
  ipv6Gateway: '',
  macAddress: '02:42:ac:11:00:02',
  hostInterface: 'veth0000001',
  interfaceName: 'eth0',
  interfaceIndex: 16,
  dnsNames: [],
  settings: NO_SETTINGS,
};
const bridge: Sandbox = { kind: 'own', containerId: 'c', endpoints: [endpoint] };
const none: Sandbox = { kind: 'none', containerId: 'c', endpoints: [] };
const onHost: Sandbox = { kind: 'host', containerId: 'c', endpoints: [] };
const request: FilesRequest = {
  sandbox: bridge,
  links: [],
  hostname: 'box',
  domainname: '',
  extraHosts: [],
  dns: [],
  dnsSearch: [],
  dnsOptions: [],
};
const host: HostFiles = {
  hosts: '127.0.0.1 thishost\n',
  resolvConf: 'nameserver 10.0.0.53\nsearch corp.example\n',
  systemdResolvConf: 'nameserver 10.9.9.9\n',
  ipv6: true,
};
const config = { ...NETWORK_DEFAULTS, gateway: '172.17.0.1', hasResolver: false };
const files = (
  changes: Partial<FilesRequest>,
  on: Partial<HostFiles> = {},
): ReturnType<typeof networkFiles> => networkFiles({ ...request, ...changes }, { ...host, ...on }, config);

const LOCAL = [
  '127.0.0.1\tlocalhost',
  '::1\tlocalhost ip6-localhost ip6-loopback',
  'fe00::\tip6-localnet',
  'ff00::\tip6-mcastprefix',
  'ff02::1\tip6-allnodes',
  'ff02::2\tip6-allrouters',
];

for (const { name, changes, on, expected } of [
  { name: 'its own address last', changes: {}, expected: [...LOCAL, '172.17.0.2\tbox'] },
  {
    name: 'the full name and the short one',
    changes: { domainname: 'corp.example' },
    expected: [...LOCAL, '172.17.0.2\tbox.corp.example box'],
  },
  {
    name: 'a dotted hostname likewise',
    changes: { hostname: 'box.lan' },
    expected: [...LOCAL, '172.17.0.2\tbox.lan box'],
  },
  {
    name: 'extra hosts in between, the gateway among them',
    changes: { extraHosts: ['db:10.0.0.5', 'db6:2001:DB8::0:5', 'host.docker.internal:host-gateway'] },
    expected: [
      ...LOCAL,
      '10.0.0.5\tdb',
      '2001:db8::5\tdb6',
      '172.17.0.1\thost.docker.internal',
      '172.17.0.2\tbox',
    ],
  },
  {
    name: 'no IPv6 where the host has none',
    changes: { extraHosts: ['six:::5'] },
    on: { ipv6: false },
    expected: ['127.0.0.1\tlocalhost', '172.17.0.2\tbox'],
  },
  {
    name: 'no own line without an address',
    changes: { sandbox: none },
    expected: LOCAL,
  },
  {
    name: "the host's own in host mode",
    changes: { sandbox: onHost },
    expected: ['127.0.0.1 thishost'],
  },
  {
    name: 'a new one in host mode with extra hosts',
    changes: { sandbox: onHost, extraHosts: ['db:10.0.0.5'] },
    expected: [...LOCAL, '10.0.0.5\tdb'],
  },
] satisfies { name: string; changes: Partial<FilesRequest>; on?: Partial<HostFiles>; expected: string[] }[]) {
  test(`/etc/hosts has ${name}`, () => {
    assert.equal(files(changes, on).hosts, `${expected.join('\n')}\n`);
  });
}

const withoutComment = (text: string): string[] =>
  text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));

for (const { name, changes, on, expected } of [
  { name: "has the host's servers", changes: {}, expected: ['nameserver 10.0.0.53', 'search corp.example'] },
  {
    name: 'has none that only the host can reach, and keeps what nobody knows',
    changes: {},
    on: {
      resolvConf: '; old\nnameserver 127.0.0.1\nnameserver ::1\nnameserver 1.1.1.1\nsortlist 10.0.0.0\n',
    },
    expected: ['nameserver 1.1.1.1', 'sortlist 10.0.0.0'],
  },
  {
    name: "has docker's two when none is left",
    changes: {},
    on: { resolvConf: 'nameserver 127.0.1.1\n' },
    expected: ['nameserver 8.8.8.8', 'nameserver 8.8.4.4'],
  },
  {
    name: 'looks behind the stub of systemd-resolved',
    changes: {},
    on: { resolvConf: 'nameserver 127.0.0.53\noptions edns0\n' },
    expected: ['nameserver 10.9.9.9'],
  },
  {
    name: 'obeys --dns, also for a loopback server',
    changes: { dns: ['127.0.0.9'] },
    expected: ['nameserver 127.0.0.9', 'search corp.example'],
  },
  {
    name: 'loses the search list by --dns-search .',
    changes: { dnsSearch: ['.'] },
    expected: ['nameserver 10.0.0.53'],
  },
  {
    name: 'takes --dns-search and --dns-option',
    changes: { dnsSearch: ['a.example', 'b.example'], dnsOptions: ['ndots:3', 'timeout:1'] },
    expected: ['nameserver 10.0.0.53', 'search a.example b.example', 'options ndots:3 timeout:1'],
  },
  {
    name: 'has the last search list and all options',
    changes: {},
    on: { resolvConf: 'domain a\nsearch b c\noptions x\noptions y\nnameserver 1.1.1.1 \n' },
    expected: ['nameserver 1.1.1.1', 'search b c', 'options x y'],
  },
  {
    name: 'is no different in host mode',
    changes: { sandbox: onHost },
    on: { resolvConf: 'nameserver 127.0.0.53\n' },
    expected: ['nameserver 127.0.0.53'],
  },
] satisfies { name: string; changes: Partial<FilesRequest>; on?: Partial<HostFiles>; expected: string[] }[]) {
  test(`/etc/resolv.conf ${name}`, () => {
    assert.deepEqual(withoutComment(files(changes, on).resolvConf), expected);
  });
}

test('/etc/hostname is the hostname', () => assert.equal(files({}).hostname, 'box\n'));

test("the daemon's own DNS settings count where the container has none", () => {
  const settings = { ...config, dns: ['9.9.9.9'], dnsSearch: ['d.example'], hostGatewayIp: '192.0.2.1' };
  const own = networkFiles({ ...request, dns: ['1.1.1.1'], extraHosts: ['gw:host-gateway'] }, host, settings);
  assert.deepEqual(withoutComment(own.resolvConf), ['nameserver 1.1.1.1', 'search d.example']);
  assert.match(own.hosts, /^192\.0\.2\.1\tgw$/m);
});

for (const { text, message } of [
  { text: 'nonsense', message: 'bad format for add-host: "nonsense"' },
  { text: ':1.2.3.4', message: 'bad format for add-host: ":1.2.3.4"' },
  { text: 'db:1.2.3', message: 'invalid IP address in add-host: "1.2.3"' },
]) {
  test(`--add-host ${text} is refused`, () => {
    assert.throws(() => files({ extraHosts: [text] }), { code: 'invalid-argument', message });
  });
}
