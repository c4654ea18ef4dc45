import assert from 'node:assert/strict';
import { env } from 'node:process';
import { test } from 'node:test';
import { startDaemon, type Daemon } from '../lib/daemon.ts';
import { eventually } from '../lib/process.ts';
import { requires } from '../lib/requires.ts';

/** On the way of an edit that needs a new start, its own steps first, then those of the stop and the start in it. */
const ANEW = [
  ...['container.edit.begun', 'container.edit.volumes', 'container.edit.stopped', 'container.edit.row'],
  ...['container.edit.end', 'volume.create.row', 'volume.create.made', 'volume.fill.begin'],
  ...['container.stop.signalled', 'container.exit.record', 'network.reserve', 'ports.publish.row'],
  ...['container.start.row', 'container.start.network', 'container.start.launch', 'container.start.started'],
];
/** Of one that does not. */
const LIVE = ['container.edit.limits', 'container.edit.ports', 'ports.change.row', 'ports.change.rules'];

const NEEDS = requires('root', 'docker-client', 'busybox', 'nftables', 'overlay', 'unshare');
const FLAGS = [
  ...['-p', '18191:80', '-v', '/anonymous', '-e', 'WHICH=old', '--label', 'which=old', '--pids-limit', '20'],
  ...['--stop-signal', 'KILL'],
];
const EDITS = {
  anew: [
    '-e',
    'WHICH=new',
    '--label-add',
    'which=new',
    '--volume-add',
    'more:/etc',
    '--volume-add',
    '/unnamed',
  ],
  live: [
    ...['--label-add', 'which=new', '--pids-limit', '30'],
    ...['--publish-rm', '18191:80', '--publish-add', '18192:80'],
  ],
};

interface Seen {
  readonly which: readonly string[];
  readonly place: unknown;
  readonly ports: readonly string[];
  readonly pidsLimit: number;
  readonly status: string;
}

async function look(daemon: Daemon): Promise<Seen> {
  const { Config, HostConfig, NetworkSettings, State, Mounts } = JSON.parse(
    await daemon.dockerOk('inspect', '-f', '{{json .}}', 'edited'),
  ) as {
    Config: { Env: string[]; Labels: Record<string, string> };
    HostConfig: { PidsLimit: number; PortBindings: Record<string, { HostPort: string }[]> };
    NetworkSettings: { IPAddress: string; MacAddress: string; Ports: Record<string, { HostPort: string }[]> };
    State: { Status: string };
    Mounts: { Destination: string; Name: string }[];
  };
  const mounted = Mounts.map(({ Destination }) => Destination).toSorted();
  const env = Config.Env.find((variable) => variable.startsWith('WHICH='));
  const wanted = Object.values(HostConfig.PortBindings).flatMap((list) =>
    list.map(({ HostPort }) => HostPort),
  );
  const published = Object.values(NetworkSettings.Ports).flatMap((list) =>
    list.map(({ HostPort }) => HostPort),
  );
  if (State.Status === 'running') assert.deepEqual([...new Set(published)], wanted);
  return {
    which: [env ?? '', Config.Labels['which'] ?? '', mounted.join(' '), wanted.join(' ')],
    place: [NetworkSettings.IPAddress, NetworkSettings.MacAddress],
    ports: published,
    pidsLimit: HostConfig.PidsLimit,
    status: State.Status,
  };
}

const OLD = ['WHICH=old', 'old', '/anonymous', '18191'];
const NEW = {
  anew: ['WHICH=new', 'new', '/anonymous /etc /unnamed', '18191'],
  live: ['WHICH=old', 'new', '/anonymous', '18192'],
};

/** All old or all new; it runs, where it was, with what it had; nothing else is there. */
async function whole(daemon: Daemon, how: keyof typeof EDITS, before: Seen): Promise<'old' | 'new'> {
  await eventually('it runs', async () => (await look(daemon)).status === 'running');
  const after = await look(daemon);
  const isNew = JSON.stringify(after.which) === JSON.stringify(NEW[how]);
  if (!isNew) assert.deepEqual(after.which, OLD);
  assert.deepEqual(after.place, before.place);
  if (how === 'live') assert.equal(after.pidsLimit, isNew ? 30 : 20);
  assert.equal(await daemon.dockerOk('exec', 'edited', 'cat', '/layer', '/anonymous/f'), 'layer\nvolume');
  const now = await daemon.dockerOk('exec', 'edited', 'sh', '-c', 'echo $WHICH');
  assert.equal(`WHICH=${now}`, after.which[0]);
  const volumes = (await daemon.dockerOk('volume', 'ls', '-q')).split('\n');
  assert.equal(volumes.length, isNew && how === 'anew' ? 3 : 1, volumes.join(' '));
  assert.equal(volumes.includes('more'), isNew && how === 'anew');
  return isNew ? 'new' : 'old';
}

async function begin(daemon: Daemon): Promise<Seen> {
  await daemon.dockerOk('run', '-d', '--name', 'edited', ...FLAGS, 'busybox', 'sleep', '1000');
  await daemon.dockerOk('exec', 'edited', 'sh', '-c', 'echo layer > /layer; echo volume > /anonymous/f');
  return look(daemon);
}

async function again(daemon: Daemon, failpoint?: string): Promise<void> {
  if (daemon.isAlive()) await daemon.kill9();
  await daemon.restart(failpoint === undefined ? {} : { failpoint });
}

async function end(daemon: Daemon): Promise<void> {
  await daemon.dockerOk('rm', '-fv', 'edited');
  await daemon.docker('volume', 'rm', 'more');
  assert.deepEqual(await daemon.leftovers(), []);
}

const chosen = env['WHERRY_FAILPOINT']?.split(',');
const all = [
  ...ANEW.map((name) => ({ name, how: 'anew' as const })),
  ...LIVE.map((name) => ({ name, how: 'live' as const })),
].filter(({ name }) => chosen?.includes(name) ?? true);

test('killed at any step, the old or the new one runs', NEEDS, async (t) => {
  const daemon = await startDaemon(t);
  for (const { name, how } of all) {
    await t.test(`${how}: ${name}`, async () => {
      const before = await begin(daemon);
      await again(daemon, `${name}=kill`);
      assert.notEqual((await daemon.wherry('edit', ...EDITS[how], 'edited')).code, 0);
      await eventually('it is killed', async () => !daemon.isAlive());
      await again(daemon);
      await whole(daemon, how, before);
      // Nothing of the edit is in the way of another one.
      assert.equal(await daemon.wherryOk('edit', '--label-add', 'more=1', 'edited'), 'changed: labels');
      await end(daemon);
    });
  }
});

test('with an error at any step the old one runs', NEEDS, async (t) => {
  const daemon = await startDaemon(t);
  // What can't be written when it has happened is logged, and goes on.
  const late = ['container.exit.record', 'container.edit.end', 'container.start.started'];
  for (const { name, how } of all.filter((each) => !late.includes(each.name))) {
    await t.test(`${how}: ${name}`, async () => {
      const before = await begin(daemon);
      await again(daemon, `${name}=error@1`);
      const { code, stderr } = await daemon.wherry('edit', ...EDITS[how], 'edited');
      assert.equal(code, 1);
      assert.match(stderr, /Cannot edit container/);
      assert.equal(await whole(daemon, how, before), 'old');
      await daemon.wherryOk('edit', ...EDITS[how], 'edited');
      assert.equal(await whole(daemon, how, before), 'new');
      await end(daemon);
    });
  }
});
