import assert from 'node:assert/strict';
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { built } from '../../lib/clients.ts';
import { fakeDaemon, type FakeDaemon } from '../../lib/fake-daemon.ts';
import { exec, type Result } from '../../lib/process.ts';
import { openTerminal } from '../../lib/pty.ts';

interface Place extends FakeDaemon {
  readonly directory: string;
  readonly socket: string;
  readonly wherry: (args: readonly string[], input?: string) => Promise<Result>;
  readonly config: () => Promise<Record<string, unknown>>;
  readonly setConfig: (content: object) => Promise<void>;
  /** What the daemon was asked last. */
  readonly asked: () => { readonly reference: string; readonly credentials?: object };
}

/** A command line with a configuration of its own, and a daemon that writes down what it is asked. */
async function place(t: TestContext): Promise<Place> {
  const daemon = await fakeDaemon(t);
  daemon.engine.addImage();
  const directory = await mkdtemp('/tmp/w-');
  t.after(() => rm(directory, { recursive: true, force: true }));
  const file = join(directory, 'config.json');
  const env = {
    ...process.env,
    NODE_OPTIONS: '',
    DOCKER_CONFIG: directory,
    PATH: `${directory}:${process.env['PATH'] ?? ''}`,
  };
  return {
    ...daemon,
    directory,
    wherry: (args, input = '') =>
      exec([built('wherry'), '-H', `unix://${daemon.socket}`, ...args], { env, input }),
    config: async () => JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>,
    setConfig: (content) => writeFile(file, JSON.stringify(content)),
    asked: () => daemon.engine.calls.at(-1)?.args[0] as ReturnType<Place['asked']>,
  };
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');

test('login keeps credentials in the file, pull and push send them, logout forgets them', async (t) => {
  const { wherry, config, setConfig, asked, directory } = await place(t);
  await setConfig({ detachKeys: 'ctrl-q' });
  const login = await wherry(['login', '-u', 'me', '--password-stdin', 'reg.example:5000'], 'se:cret\n');
  assert.equal(login.stdout, 'Login Succeeded\n', login.stderr);
  assert.match(login.stderr, /stored unencrypted in '.*\/config\.json'/);
  assert.deepEqual(await config(), {
    detachKeys: 'ctrl-q',
    auths: { 'reg.example:5000': { auth: base64('me:se:cret') } },
  });
  assert.equal((await stat(join(directory, 'config.json'))).mode & 0o777, 0o600);
  const credentials = { username: 'me', password: 'se:cret' };
  for (const [verb, image, sent] of [
    ['pull', 'reg.example:5000/a/b', credentials],
    ['push', 'reg.example:5000/a/b:1', credentials],
    ['pull', 'a/b', undefined],
  ] as const) {
    const moved = await wherry([verb, image]);
    assert.equal(moved.code, 0, moved.stderr);
    assert.deepEqual(asked().credentials, sent, image);
  }
  const logout = await wherry(['logout', 'https://reg.example:5000/v2/']);
  assert.equal(logout.stdout, 'Removing login credentials for reg.example:5000\n');
  assert.deepEqual(await config(), { detachKeys: 'ctrl-q', auths: {} });
  assert.equal((await wherry(['logout', 'x'])).stdout, 'Not logged in to x\n');
});

test('a terminal is asked for name and password, and does not show the password', async (t) => {
  const { config, directory, socket } = await place(t);
  const argv = [built('wherry'), '-H', `unix://${socket}`, '--config', directory, 'login', 'reg:1'];
  await using terminal = openTerminal(argv);
  await terminal.shows('Username: ');
  terminal.type('me\r');
  await terminal.shows('Password: ');
  terminal.type('secreX\u007ft\r');
  assert.equal(await terminal.exit, 0, terminal.screen());
  assert.doesNotMatch(terminal.screen(), /secre/);
  assert.deepEqual(await config(), { auths: { 'reg:1': { auth: base64('me:secret') } } });
});

test('a refused login keeps nothing', async (t) => {
  const { wherry, directory } = await place(t);
  const refused = await wherry(['login', '-u', 'me', '-p', 'wrong', 'reg']);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /Error response from daemon: unauthorized: incorrect username or password\n$/);
  await assert.rejects(stat(join(directory, 'config.json')), { code: 'ENOENT' });
  const cases: [args: string[], stderr: RegExp][] = [
    [['login', '--password-stdin', 'reg'], /Must provide --username with --password-stdin/],
    [
      ['login', '-u', 'a', '-p', 'b', '--password-stdin'],
      /--password and --password-stdin are mutually exclusive/,
    ],
    [['login', 'reg'], /Cannot perform an interactive login from a non TTY device/],
  ];
  for (const [args, stderr] of cases) {
    const result = await wherry(args);
    assert.equal(result.code, 1);
    assert.match(result.stderr, stderr);
  }
});

/** Keeps one server's credentials in a file, and writes down its arguments. */
const HELPER = `#!/bin/sh
cd "$(dirname "$0")" && echo "$0 $*" >> calls
case $1 in
store) cat > stored ;;
get) read -r server; [ "$server" = reg ] && [ -f stored ] && cat stored && exit
  echo 'credentials not found in native keychain'; exit 1 ;;
erase) rm -f stored ;;
esac
`;

test('credential helpers are asked through stdin, and nothing secret stays behind', async (t) => {
  const { wherry, config, setConfig, asked, directory } = await place(t);
  const helper = join(directory, 'docker-credential-fake');
  await writeFile(helper, HELPER);
  await chmod(helper, 0o755);
  await setConfig({ credHelpers: { reg: 'fake' }, auths: { other: { auth: base64('you:x') } } });
  const login = await wherry(['login', '-u', 'me', '--password-stdin', 'reg'], 'secret');
  assert.deepEqual([login.code, login.stdout, login.stderr], [0, 'Login Succeeded\n', '']);
  assert.doesNotMatch(JSON.stringify(await config()), /secret/);
  assert.deepEqual(JSON.parse(await readFile(join(directory, 'stored'), 'utf8')), {
    ServerURL: 'reg',
    Username: 'me',
    Secret: 'secret',
  });
  // A registry's name has a dot, a colon, or is localhost; this helper's has none, so it is asked for by `logout` and `login` alone.
  await wherry(['login', 'reg']);
  assert.doesNotMatch(await readFile(join(directory, 'calls'), 'utf8'), /secret/);
  await setConfig({ credsStore: 'fake' });
  await writeFile(join(directory, 'stored'), '{"ServerURL":"reg","Username":"<token>","Secret":"T"}');
  await writeFile(helper, HELPER.replace('= reg ]', '= localhost:1 ]'));
  await wherry(['pull', 'localhost:1/a']);
  assert.deepEqual(asked().credentials, { username: '', password: '', identityToken: 'T' });
  await wherry(['pull', 'localhost:2/a']);
  assert.equal(asked().credentials, undefined);
  await wherry(['logout', 'localhost:1']);
  await assert.rejects(stat(join(directory, 'stored')), { code: 'ENOENT' });
  await setConfig({ credsStore: 'gone' });
  const missing = await wherry(['pull', 'localhost:1/a']);
  assert.match(missing.stderr, /docker-credential-gone/);
});

test('a damaged configuration is told without its contents', async (t) => {
  const { wherry, directory } = await place(t);
  await writeFile(join(directory, 'config.json'), '{"auths": secret');
  const { code, stderr } = await wherry(['pull', 'a']);
  assert.equal(code, 1);
  assert.match(stderr, /config\.json: it is not a JSON object\n$/);
});

test('--config names another directory', async (t) => {
  const { wherry, directory, asked } = await place(t);
  const other = join(directory, 'other');
  await wherry(['--config', other, 'login', '-u', 'me', '--password-stdin', 'reg:1'], 'secret');
  await assert.rejects(stat(join(directory, 'config.json')), { code: 'ENOENT' });
  await wherry(['pull', 'reg:1/a']);
  assert.equal(asked().credentials, undefined);
  await wherry(['--config', other, 'pull', 'reg:1/a']);
  assert.deepEqual(asked().credentials, { username: 'me', password: 'secret' });
});

test('the words around a pull and a push', async (t) => {
  const { wherry } = await place(t);
  const cases: [args: string[], code: number, stdout: string, stderr: RegExp][] = [
    [
      ['pull', 'a/b'],
      0,
      'Using default tag: latest\nlatest: Pulling from a/b:latest\ndocker.io/a/b:latest\n',
      /^$/,
    ],
    [['image', 'pull', '-q', 'busybox:1'], 0, 'docker.io/library/busybox:1\n', /^$/],
    [['pull', '-a', 'a:1'], 1, '', /^tag can't be used with --all-tags\/-a\n$/],
    [['pull', 'missing'], 1, 'Using default tag: latest\n', /manifest for missing:latest not found/],
    [['pull', '-q', 'cut:1'], 1, '', /^unexpected EOF\n$/],
    [['push', '-q', 'localhost:1/a'], 0, 'localhost:1/a:latest\n', /^$/],
    [['push', `a@sha256:${'a'.repeat(64)}`], 1, '', /^cannot push a digest reference\n$/],
    [['manifest', 'inspect', 'a'], 0, '{\n\t"schemaVersion": 2\n}\n', /^$/],
    [['search', '--filter', 'stars=5', '--format', '{{.Name}}', 'b'], 0, 'busybox\n', /^$/],
  ];
  for (const [args, code, stdout, stderr] of cases) {
    const result = await wherry(args);
    assert.deepEqual([result.code, result.stdout], [code, stdout], `${args.join(' ')}: ${result.stderr}`);
    assert.match(result.stderr, stderr, args.join(' '));
  }
});

test('archives and changes', async (t) => {
  const { wherry, engine, directory } = await place(t);
  engine.addContainer('web');
  const file = join(directory, 'x.tar');
  const cases: [args: string[], stdout: string | RegExp, call: unknown[]][] = [
    [['save', 'busybox', 'a:1'], 'archive', ['save', ['busybox', 'a:1'], undefined]],
    [['save', '-o', file, '--platform', 'linux/arm64', 'a'], '', ['save', ['a'], 'linux/arm64']],
    [['export', 'web'], 'archive', ['export', 'c'.repeat(63) + '1']],
    [['diff', 'web'], 'C /etc\nA /etc/new\nD /tmp/old\n', ['changes', 'c'.repeat(63) + '1']],
    [['image', 'pin', 'busybox'], 'busybox\n', ['pin', 'busybox', true]],
    [['image', 'unpin', 'busybox'], 'busybox\n', ['pin', 'busybox', false]],
    [['image', 'inspect', '--layers', 'busybox'], /^LAYER +DIGEST +DIFF ID/, []],
    [['image', 'tree'], /^busybox:latest \[1{12}\] 2MB, 0B shared\n$/, []],
    [['image', 'diff', 'a', 'b'], /^--- a {2}0 own layers, 0B\n/, []],
    [['system', 'df'], /^TYPE +TOTAL +ACTIVE +SIZE +RECLAIMABLE\nImages +1 /, []],
    [['system', 'df', '-v'], /^Images space usage:\n\nREPOSITORY/, []],
    [['system', 'df', '--verify'], /^Account: {2}0B/, []],
    [['system', 'check', '--repair'], 'No damage was found\n', ['check', { repair: true }]],
  ];
  for (const [args, stdout, call] of cases) {
    const result = await wherry(args);
    assert.equal(result.code, 0, `${args.join(' ')}: ${result.stderr}`);
    if (typeof stdout === 'string') assert.equal(result.stdout, stdout, args.join(' '));
    else assert.match(result.stdout, stdout);
    if (call.length === 0) continue;
    const { name, args: asked } = engine.calls.at(-1) ?? { name: '', args: [] };
    assert.deepEqual([name, ...asked], call);
  }
  assert.equal(await readFile(file, 'utf8'), 'archive');
});

test('import, commit and prune', async (t) => {
  const { wherry, engine } = await place(t);
  engine.addContainer('web');
  const imported = await wherry(['import', '-c', 'CMD x', '-c', 'ENV a=b', '-m', 'why', '-', 'new:1'], 'tar');
  assert.equal(imported.stdout, `sha256:${'d'.repeat(64)}\n`, imported.stderr);
  assert.deepEqual(engine.calls.at(-1)?.args, [
    { reference: 'new:1', message: 'why', changes: ['CMD x', 'ENV a=b'], platform: undefined },
  ]);
  const committed = await wherry(['commit', '-p=false', '-a', 'me', 'web', 'localhost:5000/c:2']);
  assert.equal(committed.stdout, `sha256:${'1'.repeat(64)}\n`, committed.stderr);
  const [, request] = (engine.calls.at(-1)?.args ?? []) as { reference: string; pause: boolean }[];
  assert.deepEqual([request?.reference, request?.pause], ['localhost:5000/c:2', false]);
  const asked = await wherry(['image', 'prune', '-a'], 'n\n');
  assert.match(asked.stderr, /WARNING! This will remove all images[^]*\[y\/N\] $/);
  assert.equal(engine.calls.at(-1)?.name, 'commit');
  const pruned = await wherry(['system', 'prune', '-f', '--filter', 'until=1h']);
  assert.equal(pruned.stdout, 'Total reclaimed space: 0B\n', pruned.stderr);
  assert.equal(engine.calls.at(-1)?.name, 'prune-images');
});
