import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { makeCniPlace } from '../lib/cni.ts';
import { startDaemon, type Daemon } from '../lib/daemon.ts';
import { eventually, execOk } from '../lib/process.ts';
import { requires } from '../lib/requires.ts';

/** The daemon is killed, or meets an error, between the steps of an attachment: the next one takes away what no row of a container owns. */
const NEEDS = requires(
  ...(['root', 'docker-client', 'busybox', 'nftables', 'overlay', 'unshare'] as const),
  ...(['cni-plugins', 'iptables'] as const),
);
const place = await makeCniPlace();
after(() => place[Symbol.asyncDispose]());
const list = await place.list('shaky', {
  plugins: [
    { type: 'bridge', bridge: 'cni-shaky', isGateway: true, ipam: place.hostLocal('10.87.0.0/24') },
    { type: 'portmap', capabilities: { portMappings: true } },
  ],
});

/** What the plugins leave by design, a bridge and chains, is there before the mark. */
async function prepared(t: Parameters<typeof startDaemon>[0]): Promise<Daemon> {
  const args = place.pluginDirectories.flatMap((each) => ['--cni-plugin-dir', each]);
  const daemon = await startDaemon(t, { args });
  await daemon.dockerOk('network', 'create', '-d', 'cni', '-o', `conflist=${list}`, 'shaky');
  await daemon.dockerOk('run', '--rm', '--network', 'shaky', '-p', '8099:80', 'busybox', 'true');
  await daemon.dockerOk('run', '--rm', 'busybox', 'true');
  await eventually('it has left', async () => (await place.held('shaky')).length === 0);
  await daemon.mark();
  return daemon;
}

const STEPS: readonly (readonly string[])[] = [
  ['run', '-d', '--name', 'one', '--network', 'shaky', '-p', '8099:80', 'busybox', 'sleep', '1000'],
  ['stop', '-t', '0', 'one'],
  ['run', '-d', '--name', 'two', 'busybox', 'sleep', '1000'],
  ['network', 'connect', 'shaky', 'two'],
  ['network', 'disconnect', 'shaky', 'two'],
];

async function nothingIsLeft(daemon: Daemon): Promise<void> {
  const ids = await daemon.dockerOk('ps', '-aq');
  for (const id of ids.split('\n').filter((each) => each !== '')) {
    const joined = await daemon.dockerOk('inspect', '-f', '{{json .NetworkSettings.Networks}}', id);
    const running = (await daemon.dockerOk('inspect', '-f', '{{.State.Running}}', id)) === 'true';
    // Where it says that it has an address, it has it.
    const { shaky } = JSON.parse(joined) as { shaky?: { IPAddress: string } };
    if (running && shaky !== undefined && shaky.IPAddress !== '')
      assert.match(await daemon.dockerOk('exec', id, 'ip', 'addr'), new RegExp(shaky.IPAddress));
    await daemon.dockerOk('rm', '-f', id);
  }
  await eventually('host-local holds nothing', async () => (await place.held('shaky')).length === 0);
  await eventually('no port is led anywhere', async () => {
    const enter = ['nsenter', `--net=/proc/${daemon.netnsPid}/ns/net`, '--'];
    return !(await execOk([...enter, 'iptables-save', '-t', 'nat'])).includes('8099');
  });
  assert.deepEqual(await daemon.leftovers(), []);
  // And all of it works.
  await daemon.dockerOk('run', '--rm', '--network', 'shaky', '-p', '8099:80', 'busybox', 'true');
  await eventually('host-local holds nothing', async () => (await place.held('shaky')).length === 0);
}

/** How often each is passed by the steps: at the start, at the connection. */
const PASSES: readonly (readonly [name: string, passes: readonly number[]])[] = [
  ['network.cni.add', [1, 2]],
  ['network.cni.added', [1, 2]],
  ['network.cni.row', [1, 2]],
  ['network.cni.delete', [1, 2]],
  ['network.cni.deleted', [1, 2]],
];

for (const [name, passes] of PASSES) {
  for (const pass of passes) {
    test(`${name}: killed there, pass ${pass}`, NEEDS, async (t) => {
      const daemon = await prepared(t);
      await daemon.stop();
      await daemon.restart({ failpoint: `${name}=kill@${pass}` });
      for (const step of STEPS) await daemon.docker(...step);
      await eventually('it is killed', () => !daemon.isAlive());
      await daemon.restart();
      await nothingIsLeft(daemon);
    });
  }

  test(`${name}: an error there`, NEEDS, async (t) => {
    const daemon = await prepared(t);
    await daemon.stop();
    await daemon.restart({ failpoint: `${name}=error@1` });
    for (const step of STEPS) await daemon.docker(...step);
    await nothingIsLeft(daemon);
  });
}

test('a daemon killed while a plugin works: the next one ends the plugin, then DEL', NEEDS, async (t) => {
  const daemon = await prepared(t);
  const plugins = [
    { type: 'bridge', bridge: 'cni-shaky', isGateway: true, ipam: place.hostLocal('10.87.0.0/24') },
    { type: 'slow' },
  ];
  await place.plugin('slow', 'if [ "$CNI_COMMAND" = ADD ]; then log started; sleep 1000 & wait; fi');
  const slow = await place.list('slow', { plugins });
  await daemon.dockerOk('network', 'create', '-d', 'cni', '-o', `conflist=${slow}`, 'slow');
  const run = daemon.docker('run', '-d', '--network', 'slow', 'busybox', 'sleep', '1000');
  await eventually('the plugin works', async () => (await place.told()).includes('started'));
  assert.equal((await place.held('slow')).length, 1);
  await daemon.kill9();
  await run;
  await daemon.restart();
  await eventually('the address is given back', async () => (await place.held('slow')).length === 0);
  await daemon.dockerOk('network', 'rm', 'slow');
  await nothingIsLeft(daemon);
});

test('what lives is checked and kept; what ended meanwhile is taken away', NEEDS, async (t) => {
  const daemon = await prepared(t);
  const run = ['run', '-d', '--network', 'shaky', 'busybox', 'sleep'];
  const lives = await daemon.dockerOk(...run, '1000');
  const ends = await daemon.dockerOk(...run, '1000');
  const address = await daemon.dockerOk(
    'inspect',
    '-f',
    '{{.NetworkSettings.Networks.shaky.IPAddress}}',
    lives,
  );
  const pid = Number(await daemon.dockerOk('inspect', '-f', '{{.State.Pid}}', ends));
  await daemon.kill9();
  process.kill(pid, 'SIGKILL');
  await daemon.restart();
  await eventually('one address is left', async () => {
    const held = await place.held('shaky');
    return held.length === 1 && held[0] === address;
  });
  const check = ['network', 'check', 'shaky'];
  assert.equal(await daemon.wherryOk(...check), `${lives.slice(0, 12)}  ok`);
  const inside = await daemon.dockerOk('inspect', '-f', '{{.State.Pid}}', lives);
  const at = (of: number | string, ...argv: string[]): Promise<string> =>
    execOk(['nsenter', `--net=/proc/${of}/ns/net`, '--', ...argv]);
  await at(daemon.netnsPid, 'busybox', 'ping', '-c', '1', '-W', '2', address);
  await at(inside, 'ip', 'address', 'delete', `${address}/24`, 'dev', 'eth0');
  const damaged = await daemon.wherry(...check);
  assert.equal(damaged.code, 1);
  assert.match(damaged.stdout, /plugin type="bridge" failed \(check\): /);
  await daemon.kill9();
  await daemon.restart();
  await eventually('the next daemon tells', async () =>
    (await daemon.log()).includes('A CNI network is not what its plugins made of it'),
  );
  await daemon.dockerOk('rm', '-f', lives);
  await nothingIsLeft(daemon);
});
