import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rest } from '../lib/rest.ts';
import { daemonSuite } from '../lib/suite.ts';

daemonSuite('configuration networks', (daemon) => {
  const ok = (...args: string[]): Promise<string> => daemon().dockerOk(...args);
  const fails = async (...args: string[]): Promise<string> => {
    const { code, stderr } = await daemon().docker(...args);
    assert.notEqual(code, 0, args.join(' '));
    return stderr;
  };
  const inspect = async (name: string): Promise<Record<string, unknown>> =>
    (JSON.parse(await ok('network', 'inspect', name)) as Record<string, unknown>[])[0] ?? {};
  const MTU = 'com.docker.network.driver.mtu';

  test('settings under a name, and a network of them', async () => {
    const settings = ['--subnet', '10.71.0.0/24', '--gateway', '10.71.0.9', '--opt', `${MTU}=1400`];
    await ok('network', 'create', '--config-only', ...settings, '--label', 'kind=config', 'settings');
    const config = await inspect('settings');
    assert.equal(config['ConfigOnly'], true);
    assert.equal(config['Driver'], 'null');
    assert.deepEqual(config['IPAM'], {
      ...{ Driver: 'default', Options: {} },
      Config: [{ Subnet: '10.71.0.0/24', Gateway: '10.71.0.9' }],
    });
    await ok('network', 'create', '--config-from', 'settings', 'made');
    const made = await inspect('made');
    assert.deepEqual(made['ConfigFrom'], { Network: 'settings' });
    assert.equal(made['ConfigOnly'], false);
    assert.equal(made['Driver'], 'bridge');
    assert.deepEqual(made['IPAM'], config['IPAM']);
    assert.deepEqual([made['Options'], made['Labels']], [config['Options'], { kind: 'config' }]);
    const link = await ok(
      'run',
      '--rm',
      '--network',
      'made',
      'busybox',
      'sh',
      '-c',
      'ip link show eth0; ip route',
    );
    assert.match(link, /mtu 1400/);
    assert.match(link, /default via 10\.71\.0\.9/);
    assert.match(await fails('network', 'rm', 'settings'), /configuration network "settings" is in use/);
    await daemon().kill9();
    await daemon().restart();
    assert.deepEqual([await inspect('settings'), await inspect('made')], [config, made]);
    await ok('network', 'prune', '-f');
    assert.match(await fails('network', 'inspect', 'made'), /network made not found/);
    await ok('network', 'rm', 'settings');
  });

  test('what docker refuses of it, in its words', async () => {
    await ok('network', 'create', '--config-only', 'empty');
    const make = ['network', 'create'];
    for (const [args, words] of [
      [['--config-from', 'nosuch', 'x'], /configuration network "nosuch" does not exist/],
      [['--config-from', 'bridge', 'x'], /configuration network "bridge" does not exist/],
      [['--config-only', '--config-from', 'empty', 'x'], /a configuration network cannot depend on another/],
      [
        ['--config-only', '--internal', 'x'],
        /configuration network can only contain network specific fields/,
      ],
      [
        ['--config-only', '--attachable', 'x'],
        /configuration network can only contain network specific fields/,
      ],
      [
        ['--config-from', 'empty', '--subnet', '10.1.0.0/24', 'x'],
        /user specified configurations are not supported/,
      ],
      [['--config-from', 'empty', '--label', 'a=b', 'x'], /user specified configurations are not supported/],
      [['--config-from', 'empty', '-o', `${MTU}=1400`, 'x'], /network driver options are not supported if/],
      [
        ['--config-only', '--subnet', '10.1.0.1/24', 'x'],
        /invalid subnet 10\.1\.0\.1\/24: it should be 10\.1\.0\.0\/24/,
      ],
      [['--config-only', 'empty'], /network with name empty already exists/],
    ] as const) {
      assert.match(await fails(...make, ...args), words);
    }
    const joined = /cannot create endpoint on configuration-only network/;
    assert.match(await fails('run', '--network', 'empty', 'busybox', 'true'), joined);
    const id = await ok('run', '-d', 'busybox', 'sleep', '1000');
    assert.match(await fails('network', 'connect', 'empty', id), joined);
    const status = async (body: object): Promise<number> =>
      (await rest(daemon().socket, 'POST', { path: '/networks/create', body })).status;
    assert.equal(await status({ Name: 'x', ConfigFrom: { Network: 'nosuch' } }), 404);
    assert.equal(await status({ Name: 'x', ConfigOnly: true, Internal: true }), 403);
    await ok('network', 'rm', 'empty');
  });

  test('a volume of a cluster can not be changed without one', async () => {
    const answer = await rest(daemon().socket, 'PUT', { path: '/volumes/x?version=1', body: {} });
    assert.equal(answer.status, 503);
    const message = 'volume update only valid for cluster volumes, but swarm is unavailable';
    assert.deepEqual(answer.json(), { message });
  });
});
