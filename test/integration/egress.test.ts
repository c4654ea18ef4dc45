import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { HOST, HOST6, INTERNET, makeLan, NEIGHBOUR, peerOf, type Lan } from '../lib/lan.ts';
import type { Target } from '../lib/knock.ts';
import { eventually } from '../lib/process.ts';
import { daemonSuite } from '../lib/suite.ts';

const NEIGHBOUR6 = '2001:db8:1::2';
const ANSWER = ['sh', '-c', 'while :; do echo hello | nc -l -p 80; done'];
const SLEEP = ['sleep', '1000'];

daemonSuite('egress lists', (daemon) => {
  const [open, shut] = ['refused', 'silent'] as const;
  let lan: Lan | undefined;
  const present = (): Lan => {
    assert.ok(lan !== undefined);
    return lan;
  };
  const docker = (...args: string[]): Promise<string> => daemon().dockerOk(...args);
  const run = (name: string, egress: string | undefined, ...rest: string[]): Promise<string> =>
    docker(
      ...['run', '-d', '--name', name, '--network', 'dual'],
      ...(egress === undefined ? [] : ['--label', `wherry.egress=${egress}`]),
      ...rest,
    );
  const pidOf = async (name: string): Promise<number> =>
    Number(await docker('inspect', '-f', '{{.State.Pid}}', name));
  const knock = async (name: string, targets: readonly Target[]): Promise<string[]> =>
    peerOf(await pidOf(name)).knock(targets);
  /** The same, `refused` if anybody answered: who was reached in any case. */
  const reach = async (name: string, targets: readonly Target[]): Promise<string[]> =>
    (await knock(name, targets)).map((found) => (found === 'open' || found === 'answered' ? open : found));
  /** What NET_ADMIN lets the container do to its network; its own `ip` would need more. */
  const inside = async (...argv: string[]): Promise<void> => {
    const { code, stderr } = await peerOf(await pidOf('bad')).run('ip', ...argv);
    assert.equal(code, 0, stderr);
  };
  const addressOf = (name: string, field = 'IPAddress'): Promise<string> =>
    docker('inspect', '-f', `{{range .NetworkSettings.Networks}}{{.${field}}}{{end}}`, name);
  const onHost = (...argv: string[]) => present().onHost(...argv);
  /** Whether frames between containers pass the host's rules for IP too: on many hosts they do not. */
  const filterBridged = (on: boolean) =>
    onHost(
      'sysctl',
      '-qw',
      ...['ip', 'ip6'].map((ip) => `net.bridge.bridge-nf-call-${ip}tables=${on ? 1 : 0}`),
    );

  before(async () => {
    lan = await makeLan(daemon());
    const { neighbour } = lan;
    await neighbour.run('ip', 'route', 'add', 'fd00:6::/64', 'via', HOST6);
    await docker('network', 'create', '--ipv6', '--subnet', '10.6.0.0/24', '--subnet', 'fd00:6::/64', 'dual');
    await daemon().mark();
  });
  after(() => lan?.[Symbol.asyncDispose]());

  const EVERYWHERE: readonly Target[] = [
    { address: NEIGHBOUR, port: 80 },
    { address: NEIGHBOUR, port: 81 },
    { address: INTERNET, port: 443 },
    { address: HOST, port: 22 },
    { address: '10.6.0.1', port: 22 },
    { address: NEIGHBOUR6, port: 80 },
    { address: HOST6, port: 22 },
    { address: NEIGHBOUR, port: 53, transport: 'udp' },
    { address: NEIGHBOUR6, port: 53, transport: 'udp' },
  ];
  const nothing = EVERYWHERE.map(() => shut);

  test('without a list everything is reached, with one what it names, and with "none" nothing', async () => {
    await run('free', undefined, 'busybox', ...SLEEP);
    assert.deepEqual(
      await reach('free', EVERYWHERE),
      EVERYWHERE.map(() => open),
    );
    const list = `${NEIGHBOUR}:80,198.51.100.0/24:440-450/tcp,[2001:db8:1::/64]:80,[${HOST6}]:22,${NEIGHBOUR}:53/udp`;
    await run('some', list, 'busybox', ...SLEEP);
    assert.deepEqual(await reach('some', EVERYWHERE), [open, shut, open, shut, shut, open, open, open, shut]);
    await run('none', 'none', 'busybox', ...SLEEP);
    assert.deepEqual(await reach('none', EVERYWHERE), nothing);
    assert.equal((await peerOf(await pidOf('none')).run('busybox', 'ping', '-c1', '-W1', NEIGHBOUR)).code, 1);
    const shown = await docker('inspect', '-f', '{{.HostConfig.CapDrop}} {{.Config.Labels}}', 'some');
    assert.match(shown, /^\[CAP_NET_RAW\] .*440-450/);
  });

  for (const bridged of [true, false]) {
    test(`neighbours on the bridge are destinations like others, and may ask (br_netfilter: ${bridged})`, async () => {
      await filterBridged(bridged);
      await run('web', undefined, 'busybox', ...ANSWER);
      const [web, web6] = [await addressOf('web'), await addressOf('web', 'GlobalIPv6Address')];
      await run('shut', `${NEIGHBOUR}:80`, 'busybox', ...ANSWER);
      await run('open', `${web}:80,[${web6}]:80`, 'busybox', ...SLEEP);
      const targets: Target[] = [web, web6].flatMap((address) => [
        { address, port: 80 },
        { address, port: 81 },
        { address, port: 53, transport: 'udp' },
      ]);
      await eventually(
        'web listens',
        async () => (await knock('open', [{ address: web, port: 80 }]))[0] === 'open',
      );
      assert.deepEqual(await reach('open', targets), [open, shut, shut, open, shut, shut]);
      assert.deepEqual(
        await reach('shut', targets),
        targets.map(() => shut),
      );
      const address = await addressOf('shut');
      await eventually('it answers', async () => (await knock('web', [{ address, port: 80 }]))[0] === 'open');
      const echo =
        "require('node:dgram').createSocket('udp4').on('message', function (text, { port, address }) { this.send(text, port, address) }).bind(53)";
      const server = peerOf(await pidOf('shut')).run('timeout', '15', process.execPath, '-e', echo);
      await eventually(
        'a datagram is answered',
        async () => (await knock('web', [{ address, port: 53, transport: 'udp' }]))[0] === 'answered',
      );
      assert.equal((await peerOf(await pidOf('web')).run('busybox', 'ping', '-c1', '-W2', address)).code, 0);
      await docker('rm', '-f', 'shut');
      await server;
      await filterBridged(true);
    });
  }

  test('no other address, MAC or device of the container leads past the list', async () => {
    await run('web', undefined, 'busybox', ...SLEEP);
    const web = await addressOf('web');
    await run('bad', `${INTERNET}:443`, '--cap-add', 'NET_ADMIN', 'busybox', ...SLEEP);
    const allowed = { address: INTERNET, port: 443 };
    const targets = [allowed, { address: NEIGHBOUR, port: 80 }, { address: web, port: 80 }];
    const [gateway, other, of] = ['10.6.0.1', '10.6.0.77', '192.0.2.9'];
    assert.deepEqual(await reach('bad', targets), [open, shut, shut]);
    for (const source of [other, of, gateway]) {
      await inside('addr', 'add', `${source}/32`, 'dev', 'eth0');
      const found = await reach(
        'bad',
        targets.map((each) => ({ ...each, source })),
      );
      assert.ok(!found.includes(open), `${source}: ${found.join()}`);
      await inside('addr', 'del', `${source}/32`, 'dev', 'eth0');
    }
    await inside('-6', 'addr', 'add', 'fd00:6::77/64', 'dev', 'eth0');
    const six = { address: NEIGHBOUR6, port: 80, source: 'fd00:6::77' };
    await eventually('the address is usable', async () => (await reach('bad', [six]))[0] === shut);
    const mac = await addressOf('bad', 'MacAddress');
    await inside('link', 'set', 'eth0', 'address', '02:42:0a:06:00:4d');
    assert.ok(!(await reach('bad', targets)).includes(open), 'another MAC is no way either');
    await inside('link', 'set', 'eth0', 'address', mac);
    await eventually('its own works again', async () => (await reach('bad', [allowed]))[0] === open);
    const link = ['link', 'add', 'link', 'eth0', 'name', 'other', 'type', 'macvlan', 'mode', 'bridge'];
    await inside(...link);
    await inside('addr', 'add', '10.6.0.78/24', 'dev', 'other');
    await inside('link', 'set', 'other', 'up');
    const found = await reach(
      'bad',
      targets.map((each) => ({ ...each, source: '10.6.0.78' })),
    );
    assert.ok(!found.includes(open), `by a device of its own: ${found.join()}`);
  });

  test('who has a published port reaches its container, which answers alone', async () => {
    await run('web', 'none', '-p', '8080:80', 'busybox', ...ANSWER);
    for (const peer of [present().neighbour, present().internet]) {
      await eventually('it answers', async () =>
        (await peer.run('busybox', 'nc', '-w', '2', HOST, '8080')).stdout.includes('hello'),
      );
    }
    assert.deepEqual(await reach('web', EVERYWHERE), nothing);
  });
});
