import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { startDaemon } from '../lib/daemon.ts';
import { dockerArchive, imageId } from '../lib/image-archives.ts';
import { execOk } from '../lib/process.ts';
import { pushRegistry } from '../lib/push-registry.ts';
import { app, load, other, push, pushingStore } from '../lib/pushing.ts';
import { requires } from '../lib/requires.ts';

for (const [how, kept] of [
  ['none', false],
  ['gzip', true],
  ['zstd', true],
] as const) {
  const what = `layers in ${how} ${kept ? 'with' : 'without'} a manifest`;
  test(`skopeo and podman pull what is pushed: ${what}`, requires('root', 'skopeo', 'podman'), async (t) => {
    const { host, work } = await pushRegistry(t);
    const store = await pushingStore(t);
    const name = `${host}/a/app:1`;
    await load(store, { image: app, name, how, kept });
    const { digest } = await push(store, name);
    const insecure = '--tls-verify=false';
    const seen = await execOk(['skopeo', 'inspect', insecure, '--format', '{{.Digest}}', `docker://${name}`]);
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
  });
}

test("Debian's dockerd pulls what is pushed", requires('root', 'dockerd', 'docker-client'), async (t) => {
  const { host, serveIn } = await pushRegistry(t);
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
});

test('a layer that another repository has is mounted', requires('root'), async (t) => {
  const { host } = await pushRegistry(t);
  const store = await pushingStore(t);
  await load(store, { image: app, name: `${host}/a/app:1`, how: 'gzip', kept: true });
  await load(store, { image: other, name: `${host}/b/other:1`, how: 'gzip', kept: true });
  await push(store, `${host}/a/app:1`);
  const { said } = await push(store, `${host}/b/other:1`);
  assert.ok(said.includes('Mounted from a/app'), said.join('\n'));
  assert.equal(said.filter((text) => text === 'Pushed').length, 1);
});

test('what is pulled and pushed elsewhere keeps its digest', requires('root', 'skopeo'), async (t) => {
  const { host, work } = await pushRegistry(t);
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
});
