import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { peerOf } from '../lib/lan.ts';
import { eventually } from '../lib/process.ts';
import { daemonSuite } from '../lib/suite.ts';

const ADVERTISE = fileURLToPath(import.meta.resolve('../lib/advertise.py'));

/** Row 28 of threats.md; what peers on the wire reach, before and after a reload, stands in ports-peers.test.ts. */
daemonSuite(
  'networks and who would lead them astray',
  (daemon) => {
    test('row 28: no router advertisement of a container is believed, by the host, its neighbours, or past an egress list', async () => {
      const docker = (...args: string[]): Promise<string> => daemon().dockerOk(...args);
      await docker(
        'network',
        'create',
        '--ipv6',
        '--subnet',
        '10.8.0.0/24',
        '--subnet',
        'fd00:8::/64',
        'dual',
      );
      const run = (name: string, ...flags: string[]): Promise<string> =>
        docker('run', '-d', '--name', name, '--network', 'dual', ...flags, 'busybox', 'sleep', '1000');
      await run('rogue');
      await run('victim');
      await run('listed', '--label', 'wherry.egress=none');
      const [rogue, victim, listed] = await Promise.all(
        ['rogue', 'victim', 'listed'].map(async (name) =>
          peerOf(Number(await docker('inspect', '-f', '{{.State.Pid}}', name))),
        ),
      );
      const host = peerOf(daemon().netnsPid);
      assert.ok(rogue !== undefined && victim !== undefined && listed !== undefined);
      const received = async (): Promise<number> =>
        Number(
          (await victim.run('cat', '/proc/net/snmp6')).stdout.match(
            /^Icmp6InRouterAdvertisements\s+(\d+)/m,
          )?.[1],
        );
      await eventually('the victim is sent them', async () => {
        assert.equal((await rogue.run('python3', ADVERTISE)).code, 0);
        return (await received()) > 0;
      });
      for (const peer of [host, victim, rogue]) {
        const { stdout } = await peer.run('sh', '-c', 'ip -6 addr; ip -6 route');
        assert.match(stdout, /fd00:8::/);
        assert.doesNotMatch(stdout, /db8:bad|proto ra/);
      }
      const before = await received();
      assert.equal((await listed.run('python3', ADVERTISE)).code, 0);
      assert.equal(await received(), before, 'who has a list sends none');
      await docker('rm', '-f', 'rogue', 'victim', 'listed');
      await docker('network', 'rm', 'dual');
    });
  },
  { busybox: true },
);
