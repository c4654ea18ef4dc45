import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { HOST6, INTERNET, makeLan, NEIGHBOUR, peerOf, type Lan } from '../lib/lan.ts';
import { eventually, start } from '../lib/process.ts';
import { daemonSuite } from '../lib/suite.ts';

const SERVER = fileURLToPath(import.meta.resolve('../lib/dns-server.ts'));
const SLEEP = ['sleep', '1000'];
const ALLOWED = { address: INTERNET, port: 443 };
const DENIED = { address: NEIGHBOUR, port: 80 };

daemonSuite('egress lists over time', (daemon) => {
  let lan: Lan | undefined;
  const present = (): Lan => {
    assert.ok(lan !== undefined);
    return lan;
  };
  const docker = (...args: string[]): Promise<string> => daemon().dockerOk(...args);
  const withList = (egress: string): string[] => ['--label', `wherry.egress=${egress}`];
  const run = (name: string, egress: string, ...rest: string[]): Promise<string> =>
    docker('run', '-d', '--name', name, ...withList(egress), ...rest);
  const knock = async (name: string, ...targets: (typeof ALLOWED)[]): Promise<string[]> =>
    peerOf(Number(await docker('inspect', '-f', '{{.State.Pid}}', name))).knock(targets);
  const isHeld = async (name: string): Promise<void> =>
    assert.deepEqual(await knock(name, ALLOWED, DENIED), ['refused', 'silent']);
  const onHost = (...argv: string[]) => present().onHost(...argv);

  before(async () => {
    lan = await makeLan(daemon());
    await lan.neighbour.run('ip', 'route', 'add', 'fd00:7::/64', 'via', HOST6);
    await docker('network', 'create', 'front');
    await daemon().mark();
  });
  after(() => lan?.[Symbol.asyncDispose]());

  test('not one packet of a container leaves before its list stands', async () => {
    const { neighbour } = present();
    const received = async (): Promise<number> =>
      Number((await neighbour.run('cat', '/proc/net/snmp')).stdout.match(/^Ip: [12] \d+ (\d+)/m)?.[1]);
    await neighbour.knock([]);
    const before = await received();
    const hurry = ['busybox', 'nc', '-w', '1', NEIGHBOUR, '80'];
    await Promise.all(
      Array.from({ length: 6 }, (_none, index) =>
        daemon().docker(
          'run',
          '--rm',
          ...withList('none'),
          ...(index % 2 === 0 ? ['--network', 'front'] : []),
          ...hurry,
        ),
      ),
    );
    assert.equal(await received(), before);
    await daemon().docker('run', '--rm', ...withList(`${NEIGHBOUR}:80`), ...hurry);
    assert.ok((await received()) > before, 'who may is counted');
  });

  test('lists hold while the daemon is dead, after its restart, and are back after a wipe', async () => {
    await run('held', `${INTERNET}:443`, 'busybox', ...SLEEP);
    await isHeld('held');
    const pid = Number(await docker('inspect', '-f', '{{.State.Pid}}', 'held'));
    await daemon().kill9();
    assert.deepEqual(await peerOf(pid).knock([ALLOWED, DENIED]), ['refused', 'silent']);
    await daemon().restart();
    await isHeld('held');
    for (const wipe of [
      ['flush', 'ruleset'],
      ['flush', 'table', 'inet', 'wherry'],
      ['delete', 'table', 'bridge', 'wherry'],
      ['flush', 'table', 'bridge', 'wherry'],
    ]) {
      assert.equal((await onHost('nft', ...wipe)).code, 0, wipe.join(' '));
      await eventually(`it is held again after ${wipe.join(' ')}`, async () => {
        const sets = (await onHost('nft', 'list', 'ruleset')).stdout;
        return /@listed/.test(sets) && /"veth\w+" \. [\w:]+ \. 172/.test(sets) && /443/.test(sets);
      });
      await isHeld('held');
    }
    await docker('rm', '-f', 'held');
    assert.doesNotMatch(
      (await onHost('nft', 'list', 'ruleset')).stdout,
      /table bridge/,
      'nobody pays for it',
    );
  });

  test('a network that is joined while it runs is subject to the list, too', async () => {
    await run('held', `${INTERNET}:443`, '--cap-add', 'NET_ADMIN', 'busybox', ...SLEEP);
    await run('other', `${INTERNET}:443`, 'busybox', ...SLEEP);
    await docker('network', 'connect', 'front', 'held');
    await docker('exec', 'held', 'ip', 'route', 'del', 'default');
    const pid = Number(await docker('inspect', '-f', '{{.State.Pid}}', 'held'));
    const gateway = await docker('network', 'inspect', '-f', '{{(index .IPAM.Config 0).Gateway}}', 'front');
    await peerOf(pid).run('ip', 'route', 'replace', 'default', 'via', gateway, 'dev', 'eth1');
    await isHeld('held');
    await docker('network', 'disconnect', 'bridge', 'held');
    await isHeld('held');
    await docker('restart', '-t', '0', 'held');
    await isHeld('held');
    await isHeld('other');
  });

  test('names of the networks are known to all; others are asked for as the list says', async () => {
    const server = start(
      ['nsenter', `--net=/proc/${present().neighbour.pid}/ns/net`, '--', process.execPath, SERVER, NEIGHBOUR],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    assert.ok(server.stdout !== null);
    await once(server.stdout, 'data');
    const flags = ['--network', 'front', '--dns', NEIGHBOUR, 'busybox', ...SLEEP];
    await docker('run', '-d', '--name', 'web', ...flags);
    await run('mute', 'none', ...flags);
    await run('asks', `${NEIGHBOUR}:53/udp`, ...flags);
    await run('host', 'dns', ...flags);
    const ask = async (from: string, name: string): Promise<boolean> =>
      (await daemon().docker('exec', from, 'nslookup', '-type=a', name, '127.0.0.11')).code === 0;
    for (const [from, outside] of [
      ['mute', false],
      ['asks', true],
      ['host', true],
    ] as const) {
      assert.equal(await ask(from, 'web'), true, from);
      assert.equal(await ask(from, 'some.example'), outside, from);
    }
    assert.deepEqual(await knock('host', { address: NEIGHBOUR, port: 53 }), ['silent']);
    server.kill('SIGKILL');
  });

  test('what no list can be enforced with is refused, and so is what can not be read', async () => {
    const refused = async (egress: string, ...flags: string[]): Promise<string> => {
      const { code, stderr } = await daemon().docker('create', ...withList(egress), ...flags, 'busybox');
      assert.notEqual(code, 0, stderr);
      return stderr;
    };
    const unfit = /wherry.egress can't be enforced with/;
    assert.match(await refused('none', '--privileged'), unfit);
    assert.match(await refused('none', '--network', 'host'), unfit);
    assert.match(await refused('none', '--cap-add', 'net_raw'), unfit);
    assert.match(
      await refused('example.com:443'),
      /Invalid wherry.egress "example.com:443": .*names of hosts/,
    );
    assert.match(await refused('10.0.0.1/8'), /the network is 10.0.0.0\/8/);
    await docker('network', 'create', '-d', 'macvlan', '-o', 'parent=lan0', '--subnet', '10.9.0.0/24', 'mac');
    assert.match(await refused('none', '--network', 'mac'), /network "mac", whose driver is macvlan/);
    await docker('network', 'rm', 'mac');
    const { stderr } = await daemon().wherry(
      'create',
      '--name',
      'own',
      '--egress',
      'dns',
      '--egress',
      '10.0.0.0/8:443',
      'busybox',
    );
    assert.match(stderr, /"dns" has no effect on the default bridge/);
    assert.equal(
      await docker('inspect', '-f', '{{index .Config.Labels "wherry.egress"}}', 'own'),
      'dns,10.0.0.0/8:443',
    );
  });
});
