import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { makeCniPlace } from '../lib/cni.ts';
import { eventually, exec, execOk } from '../lib/process.ts';
import { daemonSuite } from '../lib/suite.ts';

const place = await makeCniPlace();
after(() => place[Symbol.asyncDispose]());

const bridge = (name: string, subnet: string, more: object = {}): object => ({
  type: 'bridge',
  bridge: name,
  isGateway: true,
  ...more,
  ipam: place.hostLocal(subnet, { routes: [{ dst: '0.0.0.0/0' }] }),
});
const portmap = { type: 'portmap', capabilities: { portMappings: true } };
const front = await place.list('front', {
  plugins: [
    bridge('cni-front', '10.81.0.0/24'),
    portmap,
    { type: 'tuning', sysctl: { 'net.core.somaxconn': '77' } },
  ],
});

daemonSuite(
  'cni',
  (daemon) => {
    const ok = (...args: string[]): Promise<string> => daemon().dockerOk(...args);
    const inNetns = (...argv: string[]): string[] => [
      ...['nsenter', `--net=/proc/${daemon().netnsPid}/ns/net`, '--'],
      ...argv,
    ];
    const settingsOf = async (id: string, network: string): Promise<Record<string, unknown>> =>
      JSON.parse(
        await ok('inspect', '-f', `{{json (index .NetworkSettings.Networks "${network}")}}`, id),
      ) as Record<string, unknown>;
    /** What a plugin leaves by design is there from the first container on: its bridge, the chains of its rules. */
    test('a first container', async () => {
      await ok('network', 'create', '-d', 'cni', '-o', `conflist=${front}`, 'front');
      await ok('run', '--rm', '--network', 'front', '-p', '8090:80', 'busybox', 'true');
      await eventually('it has left', async () => (await place.held('front')).length === 0);
      await daemon().mark();
    });

    test('ADD: address, gateway, MAC, routes, sysctls, hosts; DEL gives all back', async () => {
      const id = await ok('run', '-d', '--network', 'front', '--name', 'web', 'busybox', 'sleep', '1000');
      const settings = await settingsOf(id, 'front');
      const address = String(settings['IPAddress']);
      assert.match(address, /^10\.81\.0\.\d+$/);
      assert.equal(settings['Gateway'], '10.81.0.1');
      assert.equal(settings['IPPrefixLen'], 24);
      const show = await ok('exec', id, 'ip', 'addr', 'show', 'eth0');
      assert.ok(show.includes(`inet ${address}/24`), show);
      assert.ok(show.includes(`link/ether ${String(settings['MacAddress'])}`), show);
      assert.match(await ok('exec', id, 'ip', 'route'), /default via 10\.81\.0\.1 dev eth0/);
      assert.equal(await ok('exec', id, 'cat', '/proc/sys/net/core/somaxconn'), '77');
      assert.match(await ok('exec', id, 'cat', '/etc/hosts'), new RegExp(`${address}\\s+${id.slice(0, 12)}`));
      await execOk(inNetns('busybox', 'ping', '-c', '1', '-W', '2', address));
      await ok('exec', id, 'ping', '-c', '1', '-W', '2', '127.0.0.1');
      assert.deepEqual(await place.held('front'), [address]);
      const network = JSON.parse(await ok('network', 'inspect', 'front')) as {
        Driver: string;
        Containers: Record<string, { IPv4Address: string }>;
      }[];
      assert.equal(network[0]?.Driver, 'cni');
      assert.equal(network[0].Containers[id]?.IPv4Address, `${address}/24`);
      await ok('rm', '-f', 'web');
      await eventually('the address is given back', async () => (await place.held('front')).length === 0);
    });

    test('ports through portmap: tcp, udp, ephemeral, one address; held against others; DEL takes them away', async () => {
      const ports = ['-p', '8091:80', '-p', '127.0.0.1:8092:80', '-p', '81/udp'];
      const script = 'while :; do echo hello | nc -l -p 80; done';
      const id = await ok('run', '-d', '--network', 'front', ...ports, 'busybox', 'sh', '-c', script);
      await eventually('it answers at the host', async () => {
        const { stdout } = await exec(inNetns('busybox', 'nc', '-w', '1', '10.81.0.1', '8091'));
        return stdout === 'hello\n';
      });
      const shown = await ok('port', id);
      assert.match(shown, /^80\/tcp -> 0\.0\.0\.0:8091$/m);
      assert.match(shown, /^80\/tcp -> 127\.0\.0\.1:8092$/m);
      const ephemeral = /^81\/udp -> 0\.0\.0\.0:(\d+)$/m.exec(shown)?.[1] ?? '';
      assert.ok(Number(ephemeral) > 1024, shown);
      const rules = (): Promise<string> => execOk(inNetns('iptables-save', '-t', 'nat'));
      assert.match(await rules(), new RegExp(`udp .*--dport ${ephemeral} -j DNAT --to-destination .*:81`));
      const second = await daemon().docker('run', '--network', 'front', '-p', '8091:80', 'busybox', 'true');
      assert.match(second.stderr, /Bind for 0\.0\.0\.0:8091 failed: port is already allocated/);
      await ok('stop', '-t', '0', id);
      await eventually('the rules are gone', async () => !(await rules()).includes('8091'));
      await ok('start', id);
      await eventually('the rules are back', async () => (await rules()).includes('8091'));
    });

    test('another runtime joins it, too, and a network with DNS', async () => {
      await ok('network', 'create', 'named');
      for (const network of ['front', 'named']) {
        const run = ['run', '--rm', '--runtime', 'other', '--network', network, '--name', 'itself'];
        const said = await ok(...run, 'busybox', 'sh', '-c', 'ip route && nslookup itself');
        assert.match(said, /default via/);
        assert.match(said, /Server:\s+127\.0\.0\.11/);
      }
      await ok('network', 'rm', 'named');
    });

    test('a network without the capability refuses ports, and leaves nothing', async () => {
      const plain = await place.list('plain', { plugins: [bridge('cni-plain', '10.82.0.0/24')] });
      await ok('network', 'create', '-d', 'cni', '-o', `conflist=${plain}`, 'plain');
      const { stderr, code } = await daemon().docker(
        'run',
        '--network',
        'plain',
        '-p',
        '80',
        'busybox',
        'true',
      );
      assert.equal(code, 125);
      assert.match(
        stderr,
        /"plain" publishes no ports: no plugin of "plain" has the capability "portMappings"/,
      );
      assert.deepEqual(await place.held('plain'), []);
      await ok('network', 'rm', 'plain');
    });

    test('several networks at once, and each live: eth0 and eth1, the default route by priority', async () => {
      const back = await place.list('back', {
        cniVersion: '0.4.0',
        plugins: [bridge('cni-back', '10.83.0.0/24')],
      });
      await ok('network', 'create', '-d', 'cni', '-o', `conflist=${back}`, 'back');
      await ok('network', 'create', 'own');
      const defaults = async (id: string): Promise<string> =>
        /default via (\S+)/.exec(await ok('exec', id, 'ip', 'route'))?.[1] ?? '';
      const sleeper = ['busybox', 'sleep', '1000'];
      const first = ['--network', 'name=back,gw-priority=1', '--network', 'front', '--network', 'own'];
      const id = await ok('run', '-d', '--name', 'many', ...first, ...sleeper);
      assert.equal(await defaults(id), '10.83.0.1');
      const addresses = await ok('exec', id, 'ip', '-o', '-4', 'addr');
      assert.match(addresses, /eth0 .*10\.83\.0\./);
      assert.match(addresses, /eth1 .*10\.81\.0\./);
      assert.match(addresses, /eth2 .*172\./);
      const other = await ok('run', '-d', '--network', 'front', '--name', 'other', ...sleeper);
      await ok('exec', other, 'ping', '-c', '1', '-W', '2', 'many');
      await ok('network', 'connect', '--gw-priority', '5', 'back', other);
      assert.equal(await defaults(other), '10.83.0.1');
      const joined = String((await settingsOf(other, 'back'))['IPAddress']);
      assert.match(await ok('exec', other, 'cat', '/etc/hosts'), new RegExp(joined));
      assert.match(await ok('exec', other, 'ip', 'addr', 'show', 'eth1'), new RegExp(joined));
      await ok('network', 'disconnect', 'back', other);
      assert.equal(await defaults(other), '10.81.0.1');
      assert.ok(!(await ok('exec', other, 'ip', 'addr')).includes('eth1'));
      await ok('network', 'connect', 'back', other);
      assert.equal(await defaults(other), '10.83.0.1', 'docker: the first by name');
      await ok('network', 'disconnect', 'back', other);
      await ok('rm', '-f', id, other);
      await ok('network', 'rm', 'back', 'own');
      await execOk(inNetns('ip', 'link', 'delete', 'cni-back'));
    });

    test('the address and the MAC that are asked for; one that the chain can not give is an error', async () => {
      const list = await place.list('chosen', {
        plugins: [{ ...bridge('cni-chosen', '10.84.0.0/24'), capabilities: { ips: true, mac: true } }],
      });
      await ok('network', 'create', '-d', 'cni', '-o', `conflist=${list}`, 'chosen');
      const wanted = ['--ip', '10.84.0.77', '--mac-address', '02:11:22:33:44:55'];
      const id = await ok('run', '-d', '--network', 'chosen', ...wanted, 'busybox', 'sleep', '1000');
      const settings = await settingsOf(id, 'chosen');
      assert.equal(settings['IPAddress'], '10.84.0.77');
      assert.equal(settings['MacAddress'], '02:11:22:33:44:55');
      const far = await daemon().docker('run', '--network', 'chosen', '--ip', '10.9.9.9', 'busybox', 'true');
      assert.match(far.stderr, /plugin type="bridge" failed \(add\): .*10\.9\.9\.9/);
      await ok('rm', '-f', id);
      await eventually('all is given back', async () => (await place.held('chosen')).length === 0);
      await ok('network', 'rm', 'chosen');
      await execOk(inNetns('ip', 'link', 'delete', 'cni-chosen'));
    });
  },
  {
    needs: ['cni-plugins', 'iptables'],
    args: [
      ...place.pluginDirectories.flatMap((each) => ['--cni-plugin-dir', each]),
      ...['--add-runtime', 'other=/usr/sbin/runc'],
    ],
  },
);
