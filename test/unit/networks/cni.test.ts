import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inputOf } from '../../../common/cni/chain.ts';
import { parseList } from '../../../common/cni/conflist.ts';
import { parseCniOptions } from '../../../daemon/core/networks/cni/options.ts';
import { givenBy } from '../../../daemon/core/networks/cni/result.ts';

const text = (value: object): string => JSON.stringify({ name: 'n', cniVersion: '1.0.0', ...value });

test('a list, and one plugin alone', () => {
  const list = parseList(text({ disableCheck: true, plugins: [{ type: 'a', x: 1 }, { type: 'b' }] }), 'f');
  assert.deepEqual(
    [list.name, list.versions, list.disableCheck, list.disableGc, list.plugins.map(({ type }) => type)],
    ['n', ['1.0.0'], true, false, ['a', 'b']],
  );
  assert.deepEqual(
    parseList(text({ cniVersion: '0.3.1', type: 'a' }), 'f').plugins.map(({ type }) => type),
    ['a'],
  );
});

test('the versions of a list that we know, ascending', () => {
  const versions = (value: object): readonly string[] =>
    parseList(text({ type: 'a', ...value }), 'f').versions;
  assert.deepEqual(versions({ cniVersions: ['1.1.0', '0.4.0', '2.0.0'] }), ['0.4.0', '1.0.0', '1.1.0']);
  assert.deepEqual(versions({ cniVersion: '9.0.0', cniVersions: ['1.1.0'] }), ['1.1.0']);
  assert.deepEqual(versions({ cniVersion: '1.1.0', disableGC: 'true' }), ['1.1.0']);
});

for (const [what, words] of [
  ['{', /the CNI configuration "f": /],
  ['[]', /it is no object/],
  [text({ name: '../x', plugins: [{ type: 'a' }] }), /the name "..\/x" is not valid/],
  [text({ name: undefined, plugins: [{ type: 'a' }] }), /the name not there is not valid/],
  [text({ cniVersion: '0.2.0', plugins: [{ type: 'a' }] }), /cniVersion is "0.2.0"/],
  [text({ cniVersion: '0.2.0', cniVersions: ['9.0.0'], type: 'a' }), /cniVersion is "0.2.0" and "9.0.0"/],
  [text({ cniVersions: '1.1.0', type: 'a' }), /cniVersions is "1.1.0"/],
  [text({ disableGC: 1, type: 'a' }), /disableGC is 1/],
  [text({ plugins: [{ type: '../../bin/sh' }] }), /plugins\[0\] has no valid "type"/],
  [text({}), /neither "plugins" nor a "type"/],
  [text({ plugins: [null] }), /plugins\[0\] has no valid "type"/],
] as const) {
  test(`a list that is refused: ${what}`, () => assert.throws(() => parseList(what, 'f'), words));
}

const NOWHERE = {
  ...{ ipAddress: '', prefixLength: 0, gateway: '', ipv6Address: '', ipv6PrefixLength: 0, ipv6Gateway: '' },
  ...{ macAddress: '', defaultRoutes: [] },
};

for (const [name, result, expected] of [
  ['nothing', {}, {}],
  ['what is no result', { ips: 'x', interfaces: [1, null], routes: {}, dns: [] }, {}],
  [
    "of its own interface, not of the host's or another inside",
    {
      interfaces: [
        { name: 'br', mac: 'AA:00:00:00:00:01' },
        { name: 'eth0', mac: 'AA:00:00:00:00:02', sandbox: '/netns' },
        { name: 'lo', sandbox: '/netns' },
      ],
      ips: [
        { interface: 2, address: '127.0.0.1/8' },
        { interface: 0, address: '10.0.0.1/24' },
        { interface: 1, address: '10.0.0.5/24', gateway: '10.0.0.1' },
        { interface: 1, address: 'fd00::5/64' },
      ],
      routes: [{ dst: '0.0.0.0/0' }, { dst: '10.9.0.0/16' }, { dst: '::/0', gw: 'fd00::1' }],
    },
    {
      ...{ ipAddress: '10.0.0.5', prefixLength: 24, gateway: '10.0.0.1', macAddress: 'aa:00:00:00:00:02' },
      ...{ ipv6Address: 'fd00::5', ipv6PrefixLength: 64, ipv6Gateway: 'fd00::1', defaultRoutes: [4, 6] },
    },
  ],
  [
    'names: the domain first',
    { dns: { nameservers: ['10.0.0.53'], domain: 'a', search: ['b', 'a'], options: [] } },
    { dns: { nameservers: ['10.0.0.53'], search: ['a', 'b'], options: [] } },
  ],
] as const) {
  test(`a result: ${name}`, () => assert.deepEqual(givenBy(result, 'eth0'), { ...NOWHERE, ...expected }));
}

test('a plugin is told what it declares, and no more', () => {
  const list = text({ plugins: [{ type: 'a', capabilities: { mac: true, ips: false }, x: 1 }] });
  const chain = { ...parseList(list, 'f'), cniVersion: '1.0.0' } as const;
  const [plugin] = chain.plugins;
  assert.ok(plugin !== undefined);
  const capabilities = { mac: 'm', ips: ['i'] };
  assert.deepEqual(inputOf(chain, plugin, { capabilities, prevResult: undefined }), {
    ...{ type: 'a', x: 1, name: 'n', cniVersion: '1.0.0', runtimeConfig: { mac: 'm' } },
  });
});

test('options', () => {
  const parsed = parseCniOptions({ name: 'n', timeout: '2m', args: 'A=1;;B=', 'egress-rate': '1G' });
  assert.deepEqual(parsed, {
    ...{ conflist: undefined, name: 'n', timeoutMs: 120_000, args: ['A=1', 'B='] },
    bandwidth: { egressRate: 1_000_000_000 },
  });
  for (const [options, words] of [
    [{ name: 'n', conflist: '/x' }, /one of the options/],
    [{ conflist: 'x' }, /must be an absolute path/],
    [{ name: 'n', timeout: '0' }, /"timeout" is "0"/],
    [{ name: 'n', args: 'x' }, /the option "args" has "x"/],
    [{ name: 'n', 'ingress-burst': '-1' }, /"ingress-burst" is "-1"/],
  ] as const) {
    assert.throws(() => parseCniOptions(options), words);
  }
});
