import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { startDaemon } from '../lib/daemon.ts';
import { dockerArchive, imageId } from '../lib/image-archives.ts';
import { execOk } from '../lib/process.ts';
import { clients } from '../lib/suite.ts';
import { app, load, other, push, pushingStore } from '../lib/pushing.ts';
import { startRegistry } from '../lib/registry.ts';
import { requires } from '../lib/requires.ts';

for (const [how, kept] of [
  ['none', false],
  ['gzip', true],
  ['zstd', true],
] as const) {
  const what = `layers in ${how} ${kept ? 'with' : 'without'} a manifest`;
  test(
    `skopeo and podman pull what is pushed: ${what}`,
    requires('root', 'docker-registry', 'skopeo', 'podman'),
    async (t) => {
      const { host, work } = await startRegistry(t);
      const store = await pushingStore(t);
      const name = `${host}/a/app:1`;
      await load(store, { image: app, name, how, kept });
      const { digest } = await push(store, name);
      const insecure = '--tls-verify=false';
      const seen = await execOk([
        'skopeo',
        'inspect',
        insecure,
        '--format',
        '{{.Digest}}',
        `docker://${name}`,
      ]);
      assert.equal(seen, digest);
      if (kept) assert.equal(digest, store.images.get(name).descriptor?.digest);
      const podman = ['podman', '--root', `${work}/r`, '--runroot', `${work}/rr`, '--storage-driver', 'vfs'];
      const id = await execOk([...podman, 'pull', '-q', insecure, name]);
      assert.equal(`sha256:${id}`, imageId(app));
      const format = '{{index .RepoDigests 0}}';
      const digests = await execOk([...podman, 'image', 'inspect', '--format', format, id]);
      assert.equal(digests, `${host}/a/app@${digest}`);
      assert.deepEqual(store.images.get(name).digests, [`${host}/a/app@${digest}`]);
      await execOk([...podman, 'rmi', '-af']);
    },
  );
}

test(
  "Debian's dockerd pulls what is pushed",
  requires('root', 'docker-registry', 'dockerd', 'docker-client'),
  async (t) => {
    const { host, serveIn } = await startRegistry(t);
    await using peer = await startDaemon(t, { peer: true, busybox: false });
    await serveIn(peer.netnsPid);
    const store = await pushingStore(t);
    for (const [image, name, how, kept] of [
      [app, `${host}/a/app:1`, 'none', false],
      [other, `${host}/b/other:x`, 'gzip', true],
    ] as const) {
      await load(store, { image, name, how, kept });
      const { digest } = await push(store, name);
      const said = await peer.dockerOk('pull', name);
      assert.match(said, new RegExp(`Digest: ${digest}`));
      assert.equal(await peer.dockerOk('inspect', '-f', '{{.Id}}', name), imageId(image));
      // The second time nothing but the manifest goes.
      const again = await push(store, name);
      assert.equal(again.digest, digest);
      assert.equal(again.said.filter((text) => text === 'Layer already exists').length, image.layers.length);
    }
  },
);

test('a layer that another repository has is mounted', requires('root', 'docker-registry'), async (t) => {
  const { host } = await startRegistry(t);
  const store = await pushingStore(t);
  await load(store, { image: app, name: `${host}/a/app:1`, how: 'gzip', kept: true });
  await load(store, { image: other, name: `${host}/b/other:1`, how: 'gzip', kept: true });
  await push(store, `${host}/a/app:1`);
  const { said } = await push(store, `${host}/b/other:1`);
  assert.ok(said.includes('Mounted from a/app'), said.join('\n'));
  assert.equal(said.filter((text) => text === 'Pushed').length, 1);
});

test(
  'what is pulled and pushed elsewhere keeps its digest',
  requires('root', 'docker-registry', 'skopeo'),
  async (t) => {
    const { host, work } = await startRegistry(t);
    const insecure = '--dest-tls-verify=false';
    await writeFile(join(work, 'in.tar'), dockerArchive({ ...app, tags: ['x:1'] }));
    await execOk([
      'skopeo',
      'copy',
      '-q',
      insecure,
      `docker-archive:${work}/in.tar`,
      `docker://${host}/from/app:1`,
    ]);
    const raw = ['skopeo', 'inspect', '--tls-verify=false', '--raw'];
    const store = await pushingStore(t);
    const pull = {
      reference: `${host}/from/app:1`,
      allTags: false,
      platform: undefined,
      credentials: undefined,
    };
    await store.transfers.pull(store.ctx, pull, () => {});
    await store.images.tag(store.ctx, `${host}/from/app:1`, `${host}/to/app:2`);
    const { said } = await push(store, `${host}/to/app:2`);
    assert.equal(said.filter((text) => text === 'Mounted from from/app').length, 2, said.join('\n'));
    const [from, to] = [`docker://${host}/from/app:1`, `docker://${host}/to/app:2`];
    assert.equal(await execOk([...raw, to]), await execOk([...raw, from]));
  },
);

test(
  'docker and wherry push and save through the daemon',
  requires('root', 'docker-registry', 'docker-client', 'skopeo'),
  async (t) => {
    const { host, work, serveIn } = await startRegistry(t);
    await using daemon = await startDaemon(t);
    await serveIn(daemon.netnsPid);
    for (const client of clients) {
      const name = `${host}/${client}/busybox:1`;
      await daemon.runOk(client, 'tag', 'busybox', name);
      const said = await daemon.runOk(client, 'push', name);
      const [, digest = '', size] = /^1: digest: (sha256:[0-9a-f]{64}) size: (\d+)$/m.exec(said) ?? [];
      assert.notEqual(digest, '', said);
      assert.ok(Number(size) > 0);
      const format = '{{.Digest}}';
      const seen = ['skopeo', 'inspect', '--tls-verify=false', '--format', format, `docker://${name}`];
      assert.equal(await execOk(seen), digest);
      assert.match(await daemon.dockerOk('inspect', '-f', '{{.RepoDigests}}', name), new RegExp(digest));
      const id = await daemon.dockerOk('inspect', '-f', '{{.Id}}', name);
      await daemon.runOk(client, 'save', '-o', `${work}/saved.tar`, name);
      await daemon.runOk(client, 'rmi', name);
      assert.match(
        await daemon.runOk(client, 'load', '-i', `${work}/saved.tar`),
        new RegExp(`Loaded image: ${name}`),
      );
      assert.equal(await daemon.dockerOk('inspect', '-f', '{{.Id}}', name), id);
      const missing = await daemon.run(client, 'push', `${host}/no/such:1`);
      assert.equal(missing.code, 1);
      assert.match(missing.stderr, /An image does not exist locally with the tag: /);
      const unsaved = await daemon.run(client, 'save', '-o', `${work}/nothing.tar`, 'no/such:1');
      assert.match(unsaved.stderr, /No such image: no\/such:1|reference does not exist/);
    }
  },
);
