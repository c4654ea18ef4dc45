import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Client } from '../lib/clients.ts';
import { startDaemon, type Daemon } from '../lib/daemon.ts';
import { exec, type Result } from '../lib/process.ts';
import { openRegistry, type Registry } from '../lib/registry.ts';
import { dockerPython, requires } from '../lib/requires.ts';
import { rest } from '../lib/rest.ts';
import { clients } from '../lib/suite.ts';

const PORT = 5000;
const HOST = `127.0.0.1:${PORT}`;

/** docker-py, as a program would use it. */
const PYTHON = `
import docker, sys
client = docker.DockerClient(base_url=sys.argv[1], version='auto', timeout=20)
auth = {'username': 'user', 'password': 'secret'}
assert client.login(registry='${HOST}', **auth)['Status'] == 'Login Succeeded'
image = client.images.get('busybox')
assert image.tag('${HOST}/py', '1')
for line in client.images.push('${HOST}/py', tag='1', auth_config=auth, stream=True, decode=True):
    assert 'error' not in line, line
client.images.remove('${HOST}/py:1')
data = client.images.get_registry_data('${HOST}/py:1', auth_config=auth)
assert data.has_platform('linux/' + image.attrs['Architecture']), data.attrs
again = client.images.pull('${HOST}/py', tag='1', auth_config=auth)
assert again.id == image.id and again.tags.count('${HOST}/py:1') == 1, again.tags
try:
    client.images.pull('${HOST}/nosuch', tag='1', auth_config=auth)
    assert False
except docker.errors.NotFound:
    pass
client.images.remove('${HOST}/py:1')
archive = b''.join(image.save(named=True))
assert [i.id for i in client.images.load(archive)] == [image.id]
container = client.containers.run('busybox', ['touch', '/new'], detach=True)
container.wait()
assert {'Path': '/new', 'Kind': 1} in container.diff()
made = container.commit(repository='made', tag='1', changes='CMD ["x"]', message='why')
assert made.attrs['Config']['Cmd'] == ['x'] and made.history()[0]['Comment'] == 'why', made.attrs
assert client.df()['LayersSize'] > 0
container.remove()
assert client.images.prune(filters={'dangling': False})['SpaceReclaimed'] > 0
print('all good')
`;

// Images and their names stay from story to story, so the suite that looks for leftovers is not for these.
describe(
  'a registry through the daemon',
  requires(
    'root',
    'docker-client',
    'busybox',
    'nftables',
    'overlay',
    'unshare',
    'docker-registry',
    'docker-py',
  ),
  () => {
    let started: { readonly daemon: Daemon; readonly registry: Registry } | undefined;
    const daemon = (): Daemon => {
      assert.ok(started !== undefined, 'The daemon did not start');
      return started.daemon;
    };
    before(async () => {
      const own = await startDaemon(undefined);
      started = {
        daemon: own,
        registry: await openRegistry({ auth: 'password', port: PORT, netnsPid: own.netnsPid }),
      };
    });
    after(async () => {
      await started?.registry[Symbol.asyncDispose]();
      await started?.daemon[Symbol.asyncDispose]();
    });
    const idOf = (image: string): Promise<string> => daemon().dockerOk('inspect', '-f', '{{.Id}}', image);
    const login = (client: Client, password: string): Promise<Result> =>
      exec(daemon().argv(client, 'login', '-u', 'user', '--password-stdin', HOST), {
        input: password,
        env: { ...process.env, DOCKER_CONFIG: join(daemon().directory, 'c') },
      });

    for (const client of clients) {
      const name = `${HOST}/${client}/busybox`;

      test(`${client}: without a login nothing goes in`, async () => {
        await daemon().runOk(client, 'logout', HOST);
        await daemon().dockerOk('tag', 'busybox', `${name}:1`);
        const pushed = await daemon().run(client, 'push', `${name}:1`);
        assert.equal(pushed.code, 1);
        assert.match(pushed.stderr, /no basic auth credentials|unauthorized|authentication required/);
        const wrong = await login(client, 'wrong');
        assert.equal(wrong.code, 1);
        assert.match(wrong.stderr, /unauthorized/i);
      });

      test(`${client}: login, push, pull`, async () => {
        const before = await idOf('busybox');
        const logged = await login(client, 'secret');
        assert.match(logged.stdout, /^Login Succeeded$/m, logged.stderr);
        const pushed = await daemon().runOk(client, 'push', `${name}:1`);
        const lines = pushed.split('\n');
        assert.equal(lines[0], `The push refers to repository [${name}]`);
        const [, digest = ''] = /^1: digest: (sha256:[0-9a-f]{64}) size: \d+$/.exec(lines.at(-1) ?? '') ?? [];
        assert.notEqual(digest, '', pushed);
        await daemon().runOk(client, 'rmi', '-f', before);
        const pulled = (await daemon().runOk(client, 'pull', `${name}:1`)).split('\n');
        assert.equal(pulled[0], `1: Pulling from ${client}/busybox`);
        assert.deepEqual(pulled.slice(-3), [
          `Digest: ${digest}`,
          `Status: Downloaded newer image for ${name}:1`,
          `${name}:1`,
        ]);
        assert.equal(await idOf(`${name}:1`), before);
        const again = await daemon().runOk(client, 'pull', `${name}@${digest}`);
        assert.match(again, new RegExp(`^Status: Image is up to date for ${name}@${digest}$`, 'm'));
        assert.equal(await daemon().runOk(client, 'pull', '-q', `${name}:1`), `${name}:1`);
        await daemon().dockerOk('tag', before, 'busybox');
        assert.equal(await daemon().runOk(client, 'run', '--rm', `${name}:1`, 'echo', 'hello'), 'hello');
      });

      test(`${client}: run fetches what is missing; what is nowhere is not found`, async () => {
        await daemon().dockerOk('rmi', `${name}:1`);
        const ran = await daemon().run(client, 'run', '--rm', `${name}:1`, 'echo', 'hello');
        assert.equal(ran.stdout, 'hello\n', ran.stderr);
        assert.match(ran.stderr, /^Unable to find image '.*' locally\n1: Pulling from /);
        const missing = await daemon().run(client, 'pull', `${HOST}/no/such:1`);
        assert.equal(missing.code, 1);
        assert.match(missing.stderr, /Error response from daemon: manifest for .*no\/such:1 not found/);
        await daemon().runOk(client, 'tag', 'busybox', `${name}:2`);
        assert.match(await daemon().runOk(client, 'push', '-a', name), /^2: digest: sha256:/m);
        await daemon().dockerOk('rmi', `${name}:1`, `${name}:2`);
        await daemon().runOk(client, 'pull', '-a', name);
        const tags = await daemon().runOk(client, 'images', '--format', '{{.Tag}}', name);
        assert.deepEqual(tags.split('\n').toSorted(), ['1', '2']);
        await daemon().dockerOk('rmi', `${name}:1`, `${name}:2`);
      });
    }

    // Our own endpoint: Debian's dockerd has none.
    test('wherry: manifest inspect, bars on a terminal, a registry without a search', async () => {
      const manifest = JSON.parse(
        await daemon().wherryOk('manifest', 'inspect', `${HOST}/wherry/busybox:1`),
      ) as {
        schemaVersion: number;
        layers: object[];
      };
      assert.deepEqual([manifest.schemaVersion, manifest.layers.length], [2, 1]);
      await daemon().dockerOk('rmi', '-f', await idOf('busybox'));
      await using terminal = daemon().terminal('wherry', 'pull', `${HOST}/wherry/busybox:1`);
      assert.equal(await terminal.exit, 0, terminal.screen());
      assert.match(terminal.screen(), /[0-9a-f]{12}: Pull complete/);
      await daemon().dockerOk('tag', `${HOST}/wherry/busybox:1`, 'busybox');
      const search = await daemon().wherry('search', `${HOST}/busybox`);
      assert.equal(search.code, 1);
      assert.notEqual(search.stderr, '');
    });

    test('statuses before the stream begins', async () => {
      const create = (query: string) =>
        rest(daemon().socket, 'POST', {
          path: `/images/create?fromImage=${encodeURIComponent(HOST)}/${query}`,
        });
      const refused = await create('docker/busybox&tag=1');
      assert.ok([404, 500].includes(refused.status), refused.text);
      const nobody = await rest(daemon().socket, 'GET', {
        path: `/distribution/${HOST}/docker/busybox:1/json`,
      });
      assert.ok([401, 500].includes(nobody.status), nobody.text);
    });

    test('docker-py', async () => {
      const python = dockerPython() ?? 'python3';
      const ran = await exec([python, '-c', PYTHON, `unix://${daemon().socket}`], { cwd: '/' });
      assert.equal(ran.stdout.trim(), 'all good', ran.stderr);
    });
  },
);
