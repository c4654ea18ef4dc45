import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { startRegistry } from '../lib/registry.ts';
import { requires } from '../lib/requires.ts';
import { IMAGE, PAIRS } from '../lib/wctr.ts';

const NEEDS = requires('root', 'containerd', 'ctr', 'unshare', 'busybox', 'docker-registry');

for (const [daemon, start] of Object.entries(PAIRS))
  /** What few call: conversions, single objects, the registry's hosts. */
  describe(`wctr's images beside ctr's, against ${daemon}`, NEEDS, () => {
    test('conversions make the same images', async (t) => {
      const { same, ctr, wctr, archive, bench } = await start(t);
      // Each compresses in its own way: what follows is of one's alone.
      await wctr('images', 'import', '--compress-blobs', archive);
      const packed = join(bench.directory, 'packed.tar');
      assert.equal((await wctr('images', 'export', packed, IMAGE)).code, 0);
      await wctr('images', 'rm', '--sync', IMAGE);
      const { code, stderr } = await ctr('images', 'import', '--compress-blobs', archive);
      assert.equal(code, 0, stderr);
      await ctr('images', 'rm', '--sync', IMAGE);
      await same(`images import ${packed}`);
      assert.match((await wctr('content', 'ls')).stdout, /containerd.io\/uncompressed=sha256:/);
      // Never to a name twice: containerd takes the first away before it has the second, and may collect what both have.
      for (const command of [
        `images convert --oci ${IMAGE} a/oci:1`,
        `images convert --uncompress ${IMAGE} a/plain:1`,
        `images convert --oci --uncompress --all-platforms ${IMAGE} a/both:1`,
        `images convert --platform linux/amd64 --oci ${IMAGE} a/part:1`,
        `images convert ${IMAGE} a/same:1`,
        'images ls',
        'leases create --id now',
        'leases rm --sync now',
        'content ls -q',
        'images convert none a/none:1',
        'images convert',
        'run --rm a/both:1 c1 echo converted',
        'images rm --sync a/oci:1 a/plain:1 a/both:1 a/part:1 a/same:1',
        'content ls -q',
      ])
        await same(command);
      assert.match((await wctr('images', 'ls', '-q')).stdout, /busybox/);
    });

    test('content: fetched without a name, single objects pushed and fetched', async (t) => {
      const { same, ctr, wctr, archive, bench } = await start(t);
      await same(`images import ${archive}`);
      const { host } = await startRegistry(t, { auth: 'password', netnsPid: bench.pid });
      const access = ['--plain-http', '-u', 'user:secret'];
      const name = `${host}/box:1`;
      await wctr('images', 'tag', IMAGE, name);
      assert.equal((await wctr('images', 'push', ...access, name)).code, 0);
      await wctr('images', 'rm', '--sync', name);

      const words = access.join(' ');
      await same(`content fetch-object ${words} ${name} none`);
      const manifest = (await wctr('content', 'fetch-object', ...access, name, 'x')).stdout;
      const { layers, config } = JSON.parse(manifest) as { layers: Named[]; config: Named };
      await same(`content fetch-object ${words} ${host}/box@${config.digest} none`);
      await same(`content push-object ${words} ${name} ${config.digest} ${config.mediaType}`);
      assert.equal(
        (await wctr('content', 'push-object', ...access, `${host}/new:1`, ...pair(layers[0]))).stdout,
        `Pushed ${pair(layers[0]).join(' ')}\n`,
      );
      await same(`content push-object ${words} ${host}/new:1 sha256:00 a/b`);

      for (const client of [ctr, wctr]) await client('images', 'rm', '--sync', IMAGE);
      for (const options of [[], ['--metadata-only'], ['--all-platforms', '--label', 'a=b']]) {
        for (const client of [ctr, wctr]) {
          const fetched = await client('content', 'fetch', ...access, ...options, name);
          assert.equal(fetched.code, 0, fetched.stderr);
        }
        await same('content ls -q');
        await same('images ls');
      }
      await same('snapshots ls');
    });

    test('where a registry is comes from a directory of hosts; what is asked of it can be seen', async (t) => {
      const { same, ctr, wctr, archive, bench } = await start(t);
      await same(`images import ${archive}`);
      const { host } = await startRegistry(t, { auth: 'password', netnsPid: bench.pid });
      const name = 'nowhere.example/box:1';
      const hosts = join(bench.directory, 'hosts');
      await mkdir(join(hosts, 'nowhere.example'), { recursive: true });
      await writeFile(
        join(hosts, 'nowhere.example', 'hosts.toml'),
        `# Of the test\nserver = "http://${host}"\n\n[host."http://${host}"]\n  capabilities = ['pull',\n "resolve", "push",]\n`,
      );
      await wctr('images', 'tag', IMAGE, name);
      const access = ['--hosts-dir', hosts, '-u', 'user:secret'];
      const pushed = await wctr('images', 'push', ...access, name);
      assert.equal(pushed.code, 0, pushed.stderr);
      for (const client of [ctr, wctr]) {
        const pulled = await client('images', 'pull', ...access, '--http-dump', '--http-trace', name);
        assert.equal(pulled.code, 0, pulled.stderr);
        if (client === wctr) {
          assert.match(pulled.stderr, /^(HEAD|GET) \/v2\/box\/manifests\/1 HTTP\/1.1\n/m);
          assert.match(pulled.stderr, /^HTTP\/1.1 200 OK\n/m);
          assert.match(pulled.stderr, /^\[\d\.\d{3} s\] .*: connected, /m);
          assert.match(pulled.stderr, /^authorization: <hidden>$/im);
          assert.doesNotMatch(pulled.stderr, /dXNlcjpzZWNyZXQ/);
        }
      }
      await same(`run --rm ${name} c1 echo pulled`);
      await writeFile(join(hosts, 'nowhere.example', 'hosts.toml'), 'server = [[[\n');
      const broken = await wctr('images', 'pull', ...access, name);
      assert.equal(broken.code, 1);
      assert.match(broken.stderr, /Cannot read ".*hosts.toml": "\[\[\[" is not understood/);
    });
  });

interface Named {
  readonly digest: string;
  readonly mediaType: string;
}

const pair = (named: Named | undefined): [string, string] => [named?.digest ?? '', named?.mediaType ?? ''];
