import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { makeAuthority } from '../lib/certificates.ts';
import { built, CLIENTS, type Client } from '../lib/clients.ts';
import { exec, type Result } from '../lib/process.ts';
import { findProgram, requires } from '../lib/requires.ts';
import { daemonSuite } from '../lib/suite.ts';

/** What differs by design: the product's name and its socket. */
const neutral = (text: string): string =>
  text
    .replaceAll('/var/run/wherry.sock', '/var/run/docker.sock')
    .replaceAll(/\bWherry\b/g, 'Docker')
    .replaceAll(/\bwherry\b/g, 'docker');

function client(name: Client, directory: string, env: Readonly<Record<string, string>> = {}) {
  const program = name === 'docker' ? (findProgram('docker') ?? 'docker') : built('wherry');
  return (...args: string[]): Promise<Result> =>
    exec([program, ...args], {
      env: { ...process.env, DOCKER_CONFIG: directory, DOCKER_HOST: '', DOCKER_CONTEXT: '', ...env },
      cwd: directory,
    });
}

/** Each is said to both clients, each on a directory of its own. */
const STORY: readonly (readonly string[])[] = [
  ['context', 'ls'],
  ['context', 'create', 'aa', '--description', 'some text', '--docker', 'host=unix:///tmp/a.sock'],
  ['context', 'create', 'tt', '--docker', 'host=tcp://1.2.3.4:2376,ca=ca.pem,cert=me.pem,key=me-key.pem'],
  ['context', 'create', 'skips', '--docker', 'host=tcp://1.2.3.4,skip-tls-verify=true'],
  ['context', 'create', 'aa'],
  ['context', 'create', 'b'],
  ['context', 'create', 'default'],
  ['context', 'create', 'xx', '--docker', 'host=tcp://1.2.3.4:2376,bad=1'],
  ['context', 'create', 'xx', '--docker', 'ca=nofile'],
  ['context', 'create', 'xx', '--from', 'nope'],
  ['context', 'create', 'copy', '--from', 'tt', '--description', 'a copy'],
  ['context', 'create', 'here', '--from', 'default'],
  ['context', 'create', 'current'],
  ['context', 'ls'],
  ['context', 'ls', '-q'],
  ['context', 'ls', '--format', 'json'],
  ['context', 'ls', '--format', '{{.Name}}|{{.Current}}|{{.DockerEndpoint}}|{{upper .Description}}'],
  ['context', 'show'],
  ['context', 'use', 'nope'],
  ['context', 'use', 'aa'],
  ['context', 'show'],
  ['context', 'ls'],
  ['context', 'inspect'],
  ['context', 'inspect', 'tt', 'nope', 'default'],
  ['context', 'inspect', '--format', 'json', 'tt'],
  ['context', 'inspect', '-f', '{{.Name}} {{.Endpoints.docker.Host}} {{json .TLSMaterial}}', 'tt', 'aa'],
  ['context', 'update', 'aa', '--description', 'new'],
  ['context', 'update', 'tt', '--docker', 'host=tcp://1.2.3.5:2376'],
  ['context', 'update', 'default', '--description', 'x'],
  ['context', 'update', 'nope', '--description', 'x'],
  ['context', 'inspect', 'tt', 'aa'],
  ['context', 'export', 'copy'],
  ['context', 'export', 'copy'],
  ['context', 'import', 'back', 'copy.dockercontext'],
  ['context', 'import', 'back', 'copy.dockercontext'],
  ['context', 'import', 'more', 'nofile'],
  ['context', 'inspect', 'back'],
  ['context', 'rm', 'aa'],
  ['context', 'rm', 'default', 'nope', 'back'],
  ['context', 'rm', '-f', 'aa'],
  ['context', 'show'],
  ['context', 'ls', 'x'],
  ['-c', 'nope', 'ps'],
  ['-c', 'tt', '-H', 'unix:///x', 'ps'],
  ['-H', 'unix:///a', '-H', 'unix:///b', 'ps'],
  ['-H', 'unix:///tmp/w-none', 'ps'],
  ['-l', 'loud', 'ps'],
];

/** Templates that both clients render over the same context. */
const TEMPLATES: readonly string[] = [
  '{{.Name}} {{ .Endpoints.docker.Host }}',
  '{{json .}}',
  '{{json .Endpoints.docker.SkipTLSVerify}}',
  '{{range $k, $v := .Endpoints}}{{$k}}={{$v.Host}};{{else}}none{{end}}',
  '{{range .TLSMaterial}}{{range .}}[{{.}}]{{end}}{{else}}none{{end}}',
  '{{if .TLSMaterial}}a{{else if eq .Name "tt"}}b{{else}}c{{end}}',
  '{{with .Storage}}{{len .TLSPath}}{{$.Name}}{{end}}',
  '{{with .TLSMaterial}}x{{else}}y{{end}}',
  '{{printf "%-8s|%8s|%q|%v|%d%%|%05d|%x" .Name .Name .Name true 7 42 255}}',
  '{{printf "%s %s" "a"}}{{printf "%s" "a" "b"}}{{printf "%5.2f" 3.14159}}{{printf "%t" false}}',
  '{{upper .Name}} {{lower "ABC"}} {{title "one two"}} {{join (split "a-b-c" "-") "+"}}',
  '{{pad .Name 2 3}}|{{pad "" 1 1}}|{{truncate "abcdef" 3}}|{{truncate "ab" 9}}',
  '{{println "x" 1 true}}{{print "a" "b" 1 2 "c"}}',
  '{{index (split "a,b" ",") 1}} {{slice "abcdef" 1 3}} {{len .Name}}',
  '{{and true .Name}} {{or "" .Name}} {{not true}} {{eq 1 2 1}} {{ne "a" "b"}} {{lt 1 2}} {{ge "b" "a"}}',
  '{{$x := .Name}}{{$x}}{{$x = "y"}}{{$x}}{{/* note */}}',
  'a {{- .Name -}} b {{"quoted\\t"}} {{`raw`}}',
  '{{.Name | upper | printf "%s-%s" "x"}} {{(index (split "a,b" ",") 0) | upper}}',
  '{{if and (eq .Name "tt") (not false)}}yes{{end}}',
  '{{html "<a>"}} {{urlquery "a b&c"}} {{js "it\'s"}}',
];

describe('templates, beside docker', requires('docker-client'), () => {
  let directory = '';
  before(async () => {
    directory = await mkdtemp('/tmp/w-context-');
    await client('docker', directory)('context', 'create', 'tt', '--docker', 'host=tcp://1.2.3.4:5');
  });
  after(() => rm(directory, { recursive: true, force: true }));
  for (const template of TEMPLATES) {
    test(template, async () => {
      const render = async (name: Client) => {
        const { code, stdout } = await client(name, directory)('context', 'inspect', '-f', template, 'tt');
        return { code, stdout };
      };
      const [theirs, ours] = await Promise.all(CLIENTS.map((name) => render(name)));
      assert.deepEqual(ours, theirs);
    });
  }
});

describe('contexts, beside docker', requires('docker-client'), () => {
  const directories = new Map<Client, string>();
  before(async () => {
    for (const name of CLIENTS) {
      const directory = await mkdtemp('/tmp/w-context-');
      directories.set(name, directory);
      await (await makeAuthority(directory)).issue('me', 'clientAuth');
    }
  });
  after(async () => {
    for (const directory of directories.values()) await rm(directory, { recursive: true, force: true });
  });
  const of = (name: Client): string => directories.get(name) ?? '';

  for (const [number, words] of STORY.entries()) {
    test(`${number}: ${words.join(' ')}`, async () => {
      const outcomes = await Promise.all(
        CLIENTS.map(async (name) => {
          const { code, stdout, stderr } = await client(name, of(name))(...words);
          const text = (shown: string): string => neutral(shown.replaceAll(of(name), 'DIR'));
          return {
            code,
            stdout: text(stdout),
            stderr: text(stderr).replace(/^Failed to initialize: .*Specify/, 'Specify'),
          };
        }),
      );
      const [theirs, ours] = outcomes;
      // A long help page says more about docker's.
      if (words.includes('ls') && words.length === 3 && words[2] === 'x')
        assert.equal(ours?.code, theirs?.code);
      else assert.deepEqual(ours, theirs);
    });
  }

  test('either client uses what the other has made', async () => {
    const directory = of('docker');
    const [docker, wherry] = [client('docker', directory), client('wherry', directory)];
    const shown = async (run: typeof docker): Promise<string> =>
      (await run('context', 'inspect', 'mine')).stdout;
    await wherry('context', 'create', 'mine', '--docker', 'host=tcp://9.9.9.9:1,ca=ca.pem');
    await wherry('context', 'use', 'mine');
    assert.equal((await docker('context', 'show')).stdout, 'mine\n');
    assert.equal(await shown(wherry), await shown(docker));
    assert.equal((await wherry('context', 'export', 'mine', 'mine.tar')).code, 0);
    assert.equal((await docker('context', 'import', 'again', 'mine.tar')).code, 0);
    const { stdout } = await wherry('context', 'inspect', '-f', '{{json .TLSMaterial}}', 'again');
    assert.equal(stdout, '{"docker":["ca.pem"]}\n');
    assert.equal((await docker('context', 'rm', '-f', 'mine')).code, 0);
    assert.equal((await wherry('context', 'show')).stdout, 'default\n');
  });

  test('the environment goes before the context in use, and both say so', async () => {
    for (const name of CLIENTS) {
      const run = client(name, of(name), { DOCKER_HOST: 'unix:///tmp/w-env' });
      const { stdout, stderr } = await run('context', 'ls', '--format', '{{.Name}} {{.DockerEndpoint}}');
      assert.match(stdout, /^default unix:\/\/\/tmp\/w-env$/m);
      assert.match(stderr, /^Warning: DOCKER_HOST environment variable overrides the active context\./);
      const missing = client(name, of(name), { DOCKER_CONTEXT: 'nope' });
      assert.match((await missing('context', 'ls')).stdout, /^nope \* .*context "nope": context not found/m);
      assert.match((await missing('ps')).stderr, /context "nope": context not found/);
    }
  });

  test('what is not there is refused by name', async () => {
    const wherry = client('wherry', of('wherry'));
    const table: readonly (readonly [RegExp, ...string[]])[] = [
      [/'build' is not supported: .*builds no images/, 'build', '.'],
      [/'buildx' is not supported/, 'buildx', 'ls'],
      [/'image build' is not supported/, 'image', 'build', '.'],
      [/'checkpoint' is not supported/, 'checkpoint', 'ls', 'x'],
      [/'trust' is not supported/, 'trust', 'inspect', 'x'],
      [/'plugin' is not supported/, 'plugin', 'ls'],
      [/'swarm' is not supported: .*no member of a swarm/, 'swarm', 'init'],
      [/does not speak ssh/, '-H', 'ssh://me@there', 'ps'],
      [/Cannot use "foo:\/\/x" as host/, '-H', 'foo://x', 'ps'],
    ];
    for (const [message, ...words] of table) {
      const { code, stderr } = await wherry(...words);
      assert.equal(code, 1);
      assert.match(stderr, message);
    }
  });
});

daemonSuite('a context leads to the daemon', (daemon) => {
  test('by name, by the environment, and once it is in use', async () => {
    const directory = await mkdtemp(join(daemon().directory, 'context-'));
    const wherry = client('wherry', directory);
    const endpoint = `host=unix://${daemon().socket}`;
    assert.equal((await wherry('context', 'create', 'box', '--docker', endpoint)).code, 0);
    assert.equal((await wherry('-c', 'box', 'create', '--name', 'cc', 'busybox')).code, 0);
    const byVariable = client('wherry', directory, { DOCKER_CONTEXT: 'box' });
    assert.equal((await byVariable('ps', '-a', '--format', '{{.Names}}')).stdout, 'cc\n');
    await wherry('context', 'use', 'box');
    assert.equal((await wherry('ps', '-a', '--format', '{{.Names}}')).stdout, 'cc\n');
    assert.equal((await wherry('version', '--format', '{{.Client.Context}}')).stdout, 'box\n');
  });
});
