import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { makeCniPlace, type CniPlace } from '../lib/cni.ts';
import { ended, eventually, start } from '../lib/process.ts';
import { requires } from '../lib/requires.ts';
import { IMAGE, PAIRS, type Pair } from '../lib/wctr.ts';

const NEEDS = requires(
  ...(['root', 'containerd', 'ctr', 'unshare', 'busybox'] as const),
  ...(['cni-plugins', 'iptables'] as const),
);
const RESULTS = '/var/lib/cni/results';
const RUN = ['run', '--cni', '--rm', IMAGE];

interface Ground extends Pair {
  readonly place: CniPlace;
  /** What is left of containers and networks, of either client. */
  readonly left: () => Promise<string[]>;
}

/** A pair in whose mount namespace CNI's directories are a place's. */
async function openGround(t: TestContext, openPair: (t: TestContext) => Promise<Pair>): Promise<Ground> {
  const place = await makeCniPlace();
  t.after(() => place[Symbol.asyncDispose]());
  const pair = await openPair(t);
  const { bench, ctr, wctr } = pair;
  const script = [
    'mkdir -p /etc/cni',
    'for each in /etc/cni /opt /var/lib; do mount -t tmpfs tmpfs $each; done',
    `mkdir -p /opt/cni && ln -s ${place.directory}/bin /opt/cni/bin && ln -s ${place.directory}/conf /etc/cni/net.d`,
    `for each in bridge host-local; do ln -s /usr/lib/cni/$each ${place.directory}/bin; done`,
  ];
  const prepared = await bench.run(['sh', '-ec', script.join('\n')]);
  assert.equal(prepared.code, 0, prepared.stderr);
  await place.plugin('recorder', RECORDER);
  for (const client of [ctr, wctr]) await client('images', 'import', pair.archive);
  const lines = async (result: Promise<{ stdout: string }>): Promise<string[]> =>
    (await result).stdout.split('\n').filter((line) => line !== '');
  const left = async (): Promise<string[]> => [
    ...(await lines(wctr('tasks', 'ls', '-q'))),
    ...(await lines(wctr('containers', 'ls', '-q'))),
    ...(await place.held('default')),
    ...(await lines(bench.run(['sh', '-c', `ls ${RESULTS} 2> /dev/null; ls /sys/class/net | grep veth`]))),
  ];
  return { ...pair, place, left };
}

/** Tells how it was called, and answers with no address. */
const RECORDER = `log '{"command": "'$CNI_COMMAND'", "id": "'$CNI_CONTAINERID'", "name": "'$CNI_IFNAME'", "netns": "'$CNI_NETNS'", "args": "'$CNI_ARGS'", "input":' "$(cat | tr -d '\\n')"'}'
if [ $CNI_COMMAND = ADD ]; then echo '{"cniVersion": "1.0.0"}'; fi`;

const BRIDGE = (place: CniPlace): object => ({
  ...{ type: 'bridge', bridge: 'cni-default', isGateway: true },
  ipam: place.hostLocal('10.86.0.0/24', { routes: [{ dst: '0.0.0.0/0' }] }),
});

/** Without what is another one each time. */
const plain = (text: string): string =>
  text
    .replaceAll(/of-[ab]-/g, 'of-')
    .replaceAll(/\/proc\/\d+/g, '/proc/<pid>')
    .replaceAll(/10\.86\.0\.([2-9]|\d\d+)\b/g, '<address>')
    .replaceAll(/veth\w+/g, '<veth>')
    .replaceAll(/([\da-f]{2}:){5}[\da-f]{2}/g, '<mac>')
    .replaceAll(/@if\d+/g, '@if')
    .replaceAll(/^\d+: (?=eth0)/gm, '')
    .replaceAll(/inet6 fe80\S+/g, 'inet6 <link>');

interface Call {
  readonly command: string;
  readonly input: object;
}

/** A line of the recorder. What a plugin's list declares stands there for ctr's library; the specification has `runtimeConfig` in its place. */
function callIn(line: string): Call {
  const { input, ...call } = JSON.parse(line) as Call & { input: { capabilities?: unknown } };
  const { capabilities: _declared, ...told } = input;
  return { ...call, input: told };
}

for (const [daemon, openPair] of Object.entries(PAIRS))
  test(`run --cni is ctr's, with ${daemon}: addresses, and what plugins are told`, NEEDS, async (t) => {
    const { place, ctr, wctr, left } = await openGround(t, openPair);
    const plugins = [{ type: 'recorder', capabilities: { portMappings: true } }, BRIDGE(place)];
    await place.list('default', { cniVersion: '0.4.0', plugins });
    const script = 'ip -4 -o addr; ip route; ip link show lo | head -n 1; exit 3';
    const seen: { printed: unknown; told: Call[] }[] = [];
    for (const client of [ctr, wctr]) {
      const before = (await place.told()).length;
      const { code, stdout, stderr } = await client(...RUN, 'c1', 'sh', '-c', script);
      const told = (await place.told()).slice(before).map((line) => callIn(plain(line)));
      seen.push({ printed: [code, plain(stdout), plain(stderr)], told });
      assert.match(stdout, /eth0 .*inet 10\.86\.0\.\d+\/24 /);
    }
    assert.deepEqual(seen[1], seen[0]);
    assert.deepEqual(
      seen[1]?.told.map(({ command }) => command),
      ['ADD', 'DEL'],
    );
    assert.deepEqual(await left(), []);
  });

describe('run --cni', NEEDS, () => {
  const open = (t: TestContext): Promise<Ground> => openGround(t, PAIRS['our own daemon']);

  test('without a network: refused, and nothing is made', async (t) => {
    const { wctr, left } = await open(t);
    const { code, stderr } = await wctr(...RUN, 'c1', 'true');
    assert.deepEqual([code, stderr], [1, 'wctr: no CNI network in /etc/cni/net.d\n']);
    assert.deepEqual(await left(), []);
  });

  test("a network namespace that is the client's own is not touched", async (t) => {
    const { place, wctr, left } = await open(t);
    await place.list('default', { plugins: [{ type: 'recorder' }] });
    const { code, stderr } = await wctr(
      ...RUN,
      '--with-ns',
      'network:/proc/self/ns/net',
      IMAGE,
      'c1',
      'true',
    );
    assert.equal(code, 1, stderr);
    assert.deepEqual([await place.told(), await left()], [[], []]);
  });

  for (const how of [['--rm'], ['-d']])
    test(`${how[0]}: a plugin fails: its words, and nothing is left`, async (t) => {
      const { place, wctr, left, fifosOf } = await open(t);
      await place.plugin('broken', 'if [ $CNI_COMMAND = ADD ]; then echo \'{"msg": "no luck"}\'; exit 1; fi');
      await place.list('default', { plugins: [BRIDGE(place), { type: 'broken' }] });
      const { code, stderr } = await wctr('run', '--cni', ...how, IMAGE, 'unlucky', 'true');
      assert.equal(code, 1);
      assert.match(stderr, /^wctr: plugin type="broken" failed \(add\): no luck$/m);
      if (how[0] === '-d') await wctr('containers', 'rm', 'unlucky');
      assert.deepEqual([await left(), await fifosOf('unlucky')], [[], '']);
    });

  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    test(`${signal} while a plugin works: it is ended, and nothing is left`, async (t) => {
      const { bench, place, wctr, left } = await open(t);
      await place.plugin('slow', 'if [ $CNI_COMMAND = ADD ]; then log $$; sleep 1000 & wait; fi');
      await place.list('default', { plugins: [BRIDGE(place), { type: 'slow' }] });
      const enter = ['nsenter', '-t', String(bench.pid), '--net', '--mount', '--'];
      const client = start([...enter, ...wctr.words.split(' '), ...RUN, 'c1', 'true'], { stdio: 'ignore' });
      const gone = ended(client);
      const [plugin] = await eventually('the plugin works', async () => {
        const told = await place.told();
        return told.length > 0 ? told : undefined;
      });
      client.kill(signal);
      await gone;
      assert.equal(client.exitCode, 1);
      assert.throws(() => process.kill(Number(plugin), 0), /ESRCH/);
      assert.deepEqual(await left(), []);
    });

  test('detached: the network is left when the task is deleted, with what its plugins answered', async (t) => {
    const { place, wctr, left } = await open(t);
    await place.list('default', { plugins: [{ type: 'recorder' }, BRIDGE(place)] });
    const { code, stderr } = await wctr('run', '--cni', '-d', IMAGE, 'c1', 'sleep', '1000');
    assert.equal(code, 0, stderr);
    const held = await place.held('default');
    assert.equal(held.length, 1);
    // Whatever becomes of the configuration.
    await place.list('default', { plugins: [{ type: 'none' }] });
    assert.equal((await wctr('tasks', 'rm', '-f', 'c1')).stderr.includes('failed to remove'), false);
    await wctr('containers', 'rm', 'c1');
    const last = callIn((await place.told()).at(-1) ?? '');
    assert.equal(last.command, 'DEL');
    assert.match(JSON.stringify(last.input), new RegExp(`"prevResult":.*"address":"${held[0]}/24"`));
    assert.deepEqual(await left(), []);
  });

  test('a DEL that fails is told, changes no exit code, and stays to be made', async (t) => {
    const { bench, place, wctr, left } = await open(t);
    await place.plugin(
      'stubborn',
      'if [ $CNI_COMMAND = ADD ]; then echo \'{"cniVersion": "1.0.0"}\'; else exit 1; fi',
    );
    await place.list('default', { plugins: [{ type: 'stubborn' }, BRIDGE(place)] });
    const { code, stderr } = await wctr(...RUN, 'c1', 'sh', '-c', 'exit 4');
    assert.equal(code, 4);
    assert.match(stderr, /failed to remove of-b-\d+-c1 from the network default.*stubborn.*\(delete\)/);
    assert.equal((await bench.run(['ls', RESULTS])).stdout, `default-of-b-${process.pid}-c1-eth0\n`);
    await place.plugin('stubborn', 'if [ $CNI_COMMAND = ADD ]; then echo \'{"cniVersion": "1.0.0"}\'; fi');
    // Under the same name the next one finds it.
    assert.equal((await wctr(...RUN, 'c1', 'true')).code, 0);
    assert.deepEqual(await left(), []);
  });
});
