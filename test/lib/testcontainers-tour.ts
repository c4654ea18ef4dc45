import assert from 'node:assert/strict';
import { argv, exit } from 'node:process';
import { text } from 'node:stream/consumers';
import { extract } from 'tar-stream';
import { GenericContainer, Network, Wait, type StartedTestContainer } from 'testcontainers';

/** What testcontainers.test.ts runs in the daemon's network namespace: each use of the library, and at the end two things left. */
const HTTPD = [
  'sh',
  '-c',
  'mkdir /www; echo well > /www/index.html; echo serving; exec httpd -f -p 80 -h /www',
];
const SLEEP = ['sleep', '1000'];
const busybox = (): GenericContainer => new GenericContainer('busybox:latest').withStartupTimeout(60_000);

const fetched = async (container: StartedTestContainer, path = '/'): Promise<string> => {
  const answer = await fetch(`http://${container.getHost()}:${container.getFirstMappedPort()}${path}`);
  return `${answer.status} ${(await answer.text()).trim()}`;
};

/** What a container that goes on has said up to there. */
async function said(stream: AsyncIterable<Buffer | string>, until: string): Promise<string> {
  let all = '';
  for await (const chunk of stream) {
    all += String(chunk);
    if (all.includes(until)) return all;
  }
  throw new Error(`Only said: ${all}`);
}

async function waitStrategies(): Promise<void> {
  const http = busybox().withCommand(HTTPD).withExposedPorts(80);
  const strategies = [
    Wait.forListeningPorts(),
    Wait.forLogMessage(/serving/),
    Wait.forHttp('/', 80)
      .forStatusCode(200)
      .forResponsePredicate((body) => body === 'well\n'),
    Wait.forSuccessfulCommand('test -f /www/index.html'),
    Wait.forAll([Wait.forListeningPorts(), Wait.forLogMessage('serving', 1)]),
  ];
  for (const strategy of strategies) {
    await using container = await http.withWaitStrategy(strategy).start();
    if (strategy !== strategies[1] && strategy !== strategies[3])
      assert.equal(await fetched(container), '200 well');
  }
  await using healthy = await busybox()
    .withCommand(HTTPD)
    .withHealthCheck({
      test: ['CMD-SHELL', 'wget -qO- http://127.0.0.1'],
      interval: 200,
      retries: 50,
      startPeriod: 10_000,
    })
    .withWaitStrategy(Wait.forHealthCheck())
    .start();
  assert.ok(healthy.getId());
  const oneShot = busybox().withCommand(['true']).withWaitStrategy(Wait.forOneShotStartup());
  await (await oneShot.start()).stop();
  const failing = busybox().withCommand(['sh', '-c', 'exit 3']).withWaitStrategy(Wait.forOneShotStartup());
  await assert.rejects(failing.start(), /exited with code 3|failed to start/);
}

async function settings(): Promise<void> {
  await using container = await busybox()
    .withName('cast')
    .withEntrypoint(['sh', '-c'])
    .withCommand(['echo $X; id -u; pwd; hostname; cat /tmp/copied; exec sleep 1000'])
    .withEnvironment({ X: 'y' })
    .withLabels({ tier: 'test' })
    .withUser('7:7')
    .withWorkingDir('/tmp')
    .withHostname('boat')
    .withExtraHosts([{ host: 'far', ipAddress: '10.1.2.3' }])
    .withTmpFs({ '/scratch': 'rw,size=1m' })
    .withUlimits({ nofile: { soft: 321, hard: 400 } })
    .withResourcesQuota({ memory: 0.05, cpu: 0.5 })
    .withSharedMemorySize(1_000_000)
    .withDroppedCapabilities('ALL')
    .withBindMounts([{ source: '/etc/hostname', target: '/bound', mode: 'ro' }])
    .withCopyContentToContainer([{ content: 'content\n', target: '/tmp/copied', mode: 0o644 }])
    .withCopyFilesToContainer([{ source: '/etc/passwd', target: '/tmp/passwd' }])
    .withCopyDirectoriesToContainer([{ source: import.meta.dirname, target: '/tmp/lib' }])
    .withWaitStrategy(Wait.forLogMessage('content'))
    .start();
  assert.equal(await said(await container.logs(), 'content'), 'y\n7\n/tmp\nboat\ncontent\n');
  assert.deepEqual(
    [container.getName(), container.getLabels()['tier'], container.getHostname()],
    ['/cast', 'test', 'boat'],
  );
  const { output, exitCode, stderr } = await container.exec(
    [
      'sh',
      '-c',
      'grep -c far /etc/hosts; ulimit -n; df -k /scratch /dev/shm | grep -c tmpfs; echo e >&2; pwd; echo $A; exit 4',
    ],
    { workingDir: '/', env: { A: 'b' }, user: 'root' },
  );
  assert.deepEqual([exitCode, stderr, output.replace('e\n', '')], [4, 'e\n', '1\n321\n1\n/\nb\n']);
  await container.copyContentToContainer([{ content: 'late', target: '/tmp/late' }]);
  const entries = extract();
  (await container.copyArchiveFromContainer('/tmp/late')).pipe(entries);
  for await (const entry of entries) assert.equal(await text(entry), 'late');
}

async function networks(): Promise<void> {
  await using network = await new Network().start();
  await using server = await busybox()
    .withCommand(HTTPD)
    .withNetwork(network)
    .withNetworkAliases('first', 'second')
    .withExposedPorts(80)
    .start();
  await using client = await busybox().withCommand(SLEEP).withNetwork(network).start();
  for (const name of ['first', 'second', server.getIpAddress(network.getName())])
    assert.equal((await client.exec(['wget', '-qO-', `http://${name}`])).output, 'well\n', name);
  assert.ok(server.getNetworkNames().includes(network.getName()));
}

async function life(): Promise<void> {
  const heard: string[] = [];
  const container = await busybox()
    .withCommand(HTTPD.with(2, `echo a; echo b >&2; ${HTTPD[2]?.replace('mkdir', 'mkdir -p')}`))
    .withExposedPorts({ container: 80, host: 18_099 }, '53/udp')
    .withAutoRemove(false)
    .withLogConsumer((stream) => void stream.on('data', (line: Buffer) => heard.push(String(line).trim())))
    .withWaitStrategy(Wait.forHttp('/', 80))
    .start();
  assert.equal(container.getMappedPort(80), 18_099);
  assert.ok(container.getMappedPort('53/udp') > 0);
  await container.restart({ timeout: 1 });
  assert.equal(await fetched(container), '200 well');
  const lines = heard.join('\n').split('\n');
  assert.ok(
    ['a', 'b', 'serving'].every((line) => lines.includes(line)),
    lines.join(),
  );
  const image = await container.commit({
    repo: 'kept',
    tag: 'one',
    deleteOnExit: false,
    changes: ['ENV K=v'],
  });
  await using again = await new GenericContainer('kept:one').withCommand(SLEEP).start();
  assert.match(image, /^sha256:/);
  assert.match((await again.exec('env')).output, /^K=v$/m);
  const stopped = await container.stop({ remove: false, timeout: 1 });
  const archive = extract();
  (await stopped.copyArchiveFromContainer('/www/index.html')).pipe(archive);
  for await (const entry of archive) assert.equal(await text(entry), 'well\n');
}

const STORIES: Readonly<Record<string, () => Promise<void>>> = { waitStrategies, settings, networks, life };
// Streams that the library hands out keep no process alive.
const awake = setInterval(() => {}, 1000);
const story = STORIES[argv[2] ?? ''];
if (story !== undefined) await story();
// Whoever ends without stop() has a reaper clean up.
if (argv[2] === 'abandon') {
  const network = await new Network().start();
  const left = await busybox().withCommand(SLEEP).withNetwork(network).start();
  console.log(`left ${left.getId()}`);
} else console.log('all good');
clearInterval(awake);
exit(0);
