import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exec, execOk } from '../lib/process.ts';
import { daemonSuite } from '../lib/suite.ts';

daemonSuite('networks by wherry', (daemon) => {
  const wherry = (...args: string[]): Promise<string> => execOk(daemon().argv('wherry', ...args));
  const refused = async (...args: string[]): Promise<string> => {
    const { code, stderr } = await exec(daemon().argv('wherry', ...args));
    assert.notEqual(code, 0);
    return stderr;
  };

  test('create, ls, inspect, connect, disconnect, prune and rm speak as docker does', async () => {
    const id = await wherry(
      'network',
      'create',
      '--subnet',
      '10.81.0.0/16',
      '--gateway',
      '10.81.0.9',
      'front',
    );
    assert.match(id, /^[0-9a-f]{64}$/);
    assert.equal(await wherry('network', 'ls'), await daemon().dockerOk('network', 'ls'));
    const format = ['--format', '{{json .}}', '--filter', 'name=front'];
    assert.equal(
      await wherry('network', 'ls', ...format),
      await daemon().dockerOk('network', 'ls', ...format),
    );
    assert.deepEqual(JSON.parse(await wherry('network', 'inspect', 'front'))[0].IPAM.Config, [
      { Subnet: '10.81.0.0/16', Gateway: '10.81.0.9' },
    ]);
    const container = await wherry('run', '-d', 'busybox', 'sleep', '1000');
    await wherry('network', 'connect', '--ip', '10.81.0.77', '--alias', 'boat', 'front', container);
    assert.match(await wherry('exec', container, 'ip', 'addr', 'show', 'eth1'), /10\.81\.0\.77\/16/);
    await wherry('network', 'disconnect', 'front', container);
    assert.doesNotMatch(await wherry('exec', container, 'ip', 'addr'), /eth1/);
    await wherry('network', 'create', 'unused');
    assert.equal(
      await wherry('network', 'prune', '-f', '--filter', 'label!=x'),
      'Deleted Networks:\nfront\nunused\n',
    );
    assert.match(await refused('network', 'rm', 'front'), /network front not found/);
    assert.equal(await wherry('network', 'rm', '-f', 'front'), '');
    assert.match(
      await refused('network', 'create', '--gateway', '10.0.0.1', 'x'),
      /must have a corresponding subnet/,
    );
  });

  test('run joins several networks, with addresses and names', async () => {
    await wherry('network', 'create', '--subnet', '10.82.0.0/24', 'a');
    await wherry('network', 'create', '--subnet', '10.83.0.0/24', 'b');
    const args = ['--network', 'name=a,ip=10.82.0.7,alias=x', '--network', 'b', '--network-alias', 'y'];
    assert.match(
      await refused('run', '--rm', ...args, 'busybox'),
      /cannot specify both --network-alias and per-network alias/,
    );
    const script = 'ip -o -4 addr; cat /sys/class/net/eth0/address';
    const mac = ['--mac-address', '02:00:00:00:00:42'];
    const said = await wherry('run', '--rm', ...args.slice(0, 4), ...mac, 'busybox', 'sh', '-c', script);
    assert.match(said, /eth0 .*10\.82\.0\.7\/24[^]*eth1 .*10\.83\.0\.2\/24[^]*02:00:00:00:00:42/);
    await wherry('network', 'rm', 'a', 'b');
  });
});
