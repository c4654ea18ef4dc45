import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CLIENTS } from '../lib/clients.ts';
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

  for (const client of CLIENTS) {
    test(`${client}: kernel values of one interface stand when its container starts, and when it joins`, async () => {
      const ok = (...args: string[]): Promise<string> => daemon().runOk(client, ...args);
      const option = 'com.docker.network.endpoint.sysctls';
      const two = 'net.ipv4.conf.IFNAME.arp_announce=2,net.ipv4.neigh.IFNAME.gc_stale_time=77';
      await ok('network', 'create', 'one');
      await ok('network', 'create', 'two');
      const place = `name=one,"driver-opt=${option}=${two}"`;
      const id = await ok('run', '-d', '--network', place, 'busybox', 'sleep', '1000');
      await ok(
        'network',
        'connect',
        '--driver-opt',
        `${option}=net.ipv4.conf.IFNAME.arp_announce=1`,
        'two',
        id,
      );
      const files = ['conf/eth0/arp_announce', 'neigh/eth0/gc_stale_time', 'conf/eth1/arp_announce'];
      const paths = [...files, 'neigh/eth1/gc_stale_time'].map((file) => `/proc/sys/net/ipv4/${file}`);
      assert.equal(await ok('exec', id, 'cat', ...paths), '2\n77\n1\n60');
      assert.match(
        await wherry('export-run', id),
        /name=one,.*"driver-opt=com\.docker\..*,net\.ipv4\.neigh\./,
      );
      await ok('rm', '-f', id);
      const bad: [value: string, network: string, says: RegExp][] = [
        [
          'net.ipv4.conf.eth0.forwarding=1',
          'one',
          /invalid endpoint settings:\nunrecognised network interface sysctl/,
        ],
        ['net.ipv4.conf.IFNAME.../x=1', 'one', /unrecognised network interface sysctl/],
        ['net.ipv4.conf.IFNAME.nosuch=1', 'one', /nosuch/],
        [
          'net.ipv4.conf.IFNAME.forwarding=1',
          'host',
          /unknown option "com\.docker\.network\.endpoint\.sysctls"/,
        ],
      ];
      for (const [value, network, says] of bad) {
        const args = ['--network', `name=${network},driver-opt=${option}=${value}`, 'busybox', 'true'];
        const { code, stderr } = await daemon().run(client, 'run', '--rm', ...args);
        assert.equal(code, 125, stderr);
        assert.match(stderr, says);
      }
      await ok('network', 'rm', 'one', 'two');
    });
  }
});
