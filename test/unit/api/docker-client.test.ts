import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { exec, type Result } from '../../lib/process.ts';
import { fakeDaemon, type FakeDaemon } from '../../lib/fake-daemon.ts';
import { requires } from '../../lib/requires.ts';

/** The unmodified client against an engine that echoes. */
async function client(
  t: TestContext,
): Promise<FakeDaemon & { docker: (args: readonly string[], input?: string) => Promise<Result> }> {
  const daemon = await fakeDaemon(t);
  daemon.engine.addImage();
  const env = { ...process.env, DOCKER_HOST: `unix://${daemon.socket}`, DOCKER_CLI_HINTS: 'false' };
  return {
    ...daemon,
    docker: (args, input = '') => exec(['docker', ...args], { env, input, timeoutMs: 10_000 }),
  };
}

test('the docker client reads what we show', requires('docker-client'), async (t) => {
  const { engine, docker } = await client(t);
  const { id } = engine.addContainer('web');
  const cases: [args: string[], stdout: RegExp][] = [
    [
      ['ps', '--format', '{{.ID}} {{.Image}} {{.Command}} {{.Names}}'],
      /^c{12} busybox "sh -c 'echo hello'" web$/m,
    ],
    [['ps', '-q', '--no-trunc', '-f', 'name=web'], new RegExp(`^${id}$`, 'm')],
    [['images', '--format', '{{.Repository}}:{{.Tag}} {{.Size}}'], /^busybox:latest 2MB$/m],
    [
      ['inspect', 'web', '--format', '{{.Name}} {{.State.Running}} {{.Config.Labels.tier}}'],
      /^\/web true front$/m,
    ],
    [['image', 'inspect', 'busybox', '--format', '{{.Os}} {{index .RepoTags 0}}'], /^linux busybox:latest$/m],
    [['history', '-q', 'busybox'], /^1{12}\n<missing>$/m],
    [['version', '--format', '{{.Server.Platform.Name}} {{.Server.APIVersion}}'], /^Wherry \S+ 1\.51$/m],
    [
      ['info', '--format', '{{.Driver}} {{.ContainersRunning}} {{.Swarm.LocalNodeState}}'],
      /^overlay2 1 inactive$/m,
    ],
    [['network', 'ls', '--format', '{{.Name}} {{.Driver}} {{.Scope}}'], /^bridge bridge local$/m],
    [['volume', 'ls', '-q'], /^$/],
    [['logs', 'web'], /^out$/m],
    [['events', '--until', '1800000000', '--format', '{{.Action}}'], /^start\nconnect$/m],
  ];
  for (const [args, stdout] of cases) {
    const result = await docker(args);
    assert.equal(result.code, 0, `${args.join(' ')}: ${result.stderr}`);
    assert.match(result.stdout, stdout, args.join(' '));
  }
});

test('run and exec pass stdin and the exit code through', requires('docker-client'), async (t) => {
  const { engine, docker } = await client(t);
  engine.addContainer('web');
  assert.deepEqual(await docker(['run', '-i', '--name', 'one', 'busybox', 'cat'], 'hello\n'), {
    code: 0,
    stdout: 'hello\n',
    stderr: '',
  });
  assert.deepEqual(await docker(['exec', '-i', 'web', 'cat'], 'hello\n'), {
    code: 3,
    stdout: 'hello\n',
    stderr: '',
  });
  const order = engine.calls
    .map(({ name }) => name)
    .filter((name) => ['attach', 'wait', 'start'].includes(name));
  assert.deepEqual(order, ['attach', 'wait', 'start'], 'the client attaches and waits before it starts');
});

test('the docker client prints our refusals', requires('docker-client'), async (t) => {
  const { engine, docker } = await client(t);
  engine.addContainer('web');
  const cases: [args: string[], code: number, stderr: RegExp][] = [
    [
      ['run', 'missing'],
      125,
      /Error response from daemon: manifest for missing:latest not found: manifest unknown/,
    ],
    [['kill', 'nope'], 1, /cannot kill container: nope: No such container: nope/],
    [['inspect', 'nope'], 1, /No such object: nope/],
    [['service', 'ls'], 1, /This node is not a swarm manager/],
    [['login', '-u', 'a', '-p', 'wrong', 'localhost:1'], 1, /unauthorized: incorrect username or password/],
    [['pull', 'denied'], 1, /pull access denied for denied, repository does not exist/],
    [['pull', 'cut'], 1, /unexpected EOF/],
  ];
  for (const [args, code, stderr] of cases) {
    const result = await docker(args);
    assert.equal(result.code, code, `${args.join(' ')}: ${result.stderr}`);
    assert.match(result.stderr, stderr);
  }
});

test('the docker client moves images through us', requires('docker-client'), async (t) => {
  const { engine, docker } = await client(t);
  engine.addContainer('web');
  const cases: [args: string[], stdout: RegExp, call: string][] = [
    [
      ['pull', 'a/b'],
      /^Using default tag: latest\nlatest: Pulling from a\/b:latest\n.*docker\.io\/a\/b:latest\n$/s,
      'pull',
    ],
    [['push', 'localhost:1/a/b:2'], /^The push refers to repository \[localhost:1\/a\/b:2\]\n/, 'push'],
    [['save', 'busybox'], /^archive$/, 'save'],
    [['export', 'web'], /^archive$/, 'export'],
    [['import', '-m', 'why', '-c', 'CMD x', '-', 'new:1'], /^sha256:d{64}\n$/, 'import'],
    [['commit', '-c', 'CMD x', '-a', 'me', 'web', 'new:2'], /^sha256:1{64}\n$/, 'commit'],
    [['diff', 'web'], /^C \/etc\nA \/etc\/new\nD \/tmp\/old\n$/, 'changes'],
    [
      ['search', '--filter', 'is-official=true', 'busybox'],
      /^NAME.*\nbusybox +Small +9 +\[OK\]\n$/s,
      'search',
    ],
    [['image', 'prune', '-af'], /^Total reclaimed space: 0B\n$/, 'prune-images'],
  ];
  for (const [args, stdout, call] of cases) {
    const result = await docker(args, 'tar');
    assert.equal(result.code, 0, `${args.join(' ')}: ${result.stderr}`);
    assert.match(result.stdout, stdout, args.join(' '));
    assert.equal(engine.calls.at(-1)?.name, call, args.join(' '));
  }
  const df = await docker(['system', 'df']);
  assert.match(df.stdout, /^Images +1 +/m, df.stderr);
  const pruned = await docker(['system', 'prune', '-f']);
  assert.match(pruned.stdout, /^Total reclaimed space: 0B$/m, pruned.stderr);
});
