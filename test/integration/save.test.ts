import assert from 'node:assert/strict';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { test, type TestContext } from 'node:test';
import { startDaemon } from '../lib/daemon.ts';
import {
  dockerArchive,
  imageId,
  layer,
  ociArchive,
  type ImageParts,
  type Squeeze,
} from '../lib/image-archives.ts';
import { testStore, type TestStore } from '../lib/image-store.ts';
import { execOk } from '../lib/process.ts';
import { requires } from '../lib/requires.ts';

const base = layer({ name: 'bin/' }, { name: 'bin/base', mode: 0o755, data: 'b'.repeat(50_000) });
const app: ImageParts = {
  layers: [base, layer({ name: 'app', data: 'app' })],
  tags: ['localhost/app:1', 'localhost/app:2'],
};
const other: ImageParts = {
  layers: [base, layer({ name: 'other', data: 'o' })],
  tags: ['localhost/other:x'],
};

async function scratch(t: TestContext): Promise<string> {
  const path = await mkdtemp('/tmp/save-');
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** A store with one image from a docker archive and one with a manifest, and the archive of both. */
async function saved(
  t: TestContext,
  how: Squeeze,
): Promise<{ file: string; work: string; store: TestStore }> {
  const store = await testStore(t);
  await store.loadBytes(dockerArchive(app, how));
  const annotations = { 'io.containerd.image.name': 'localhost/other:x' };
  await store.loadBytes(ociArchive(other, { how, annotations }));
  const work = await scratch(t);
  const file = join(work, 'saved.tar');
  const chunks = await store.archives.save(store.ctx, ['localhost/app', 'localhost/other:x'], undefined);
  await pipeline(Readable.from(chunks), createWriteStream(file));
  return { file, work, store };
}

interface RawManifest {
  readonly config: { readonly digest: string };
}

for (const how of ['none', 'gzip', 'zstd'] as const) {
  test(
    `skopeo reads layers in ${how} as a docker archive and as a layout`,
    requires('root', 'skopeo'),
    async (t) => {
      const { file, work, store } = await saved(t, how);
      for (const [index, name] of ['localhost/app:2', 'localhost/other:x'].entries()) {
        const image = store.images.get(name);
        const from = `docker-archive:${file}:${name}`;
        await execOk(['skopeo', 'copy', '-q', from, `dir:${work}/d${index}`]);
        const raw = JSON.parse(
          await execOk(['skopeo', 'inspect', '--raw', `dir:${work}/d${index}`]),
        ) as RawManifest;
        assert.equal(raw.config.digest, image.id);
        const layout = `oci-archive:${file}:${name.split(':')[1]}`;
        await execOk(['skopeo', 'copy', '-q', layout, `dir:${work}/o${index}`]);
        const config = JSON.parse(await execOk(['skopeo', 'inspect', '--config', layout])) as {
          rootfs: { diff_ids: string[] };
        };
        assert.deepEqual(config.rootfs.diff_ids, image.diffIds);
        const digest = await execOk(['skopeo', 'inspect', '--format', '{{.Digest}}', layout]);
        if (image.descriptor !== undefined) assert.equal(digest, image.descriptor.digest);
      }
    },
  );

  test(
    `podman loads layers in ${how}, and what it saves loads here`,
    requires('root', 'podman'),
    async (t) => {
      const { file, work } = await saved(t, how);
      const podman = [
        'podman',
        '--root',
        `${work}/root`,
        '--runroot',
        `${work}/run`,
        '--storage-driver',
        'vfs',
      ];
      await execOk([...podman, 'load', '-q', '-i', file]);
      const ids = await execOk([
        ...podman,
        'images',
        '-a',
        '--no-trunc',
        '--format',
        '{{.Repository}}:{{.Tag}} {{.ID}}',
      ]);
      assert.deepEqual(ids.split('\n').toSorted(), [
        `localhost/app:1 ${imageId(app)}`,
        `localhost/app:2 ${imageId(app)}`,
        `localhost/other:x ${imageId(other)}`,
      ]);
      await execOk([
        ...podman,
        'save',
        '-q',
        '-m',
        '-o',
        `${work}/back.tar`,
        'localhost/app:1',
        'localhost/other:x',
      ]);
      const to = await testStore(t);
      await to.images.load(to.ctx, createReadStream(`${work}/back.tar`), () => {});
      assert.equal(to.images.get('localhost/app:1').id, imageId(app));
      assert.equal(to.images.get('localhost/other:x').id, imageId(other));
      await execOk([...podman, 'rmi', '-af']);
    },
  );
}

test(
  "Debian's dockerd loads what is saved, and the reverse",
  requires('root', 'dockerd', 'docker-client'),
  async (t) => {
    await using peer = await startDaemon(t, { peer: true, busybox: false });
    // Version 20.10 knows no zstd, wherever it comes from.
    for (const how of ['none', 'gzip'] as const) {
      const { file, work } = await saved(t, how);
      const said = await peer.dockerOk('load', '-q', '-i', file);
      assert.deepEqual(said.split('\n').toSorted(), [
        'Loaded image: localhost/app:1',
        'Loaded image: localhost/app:2',
        'Loaded image: localhost/other:x',
      ]);
      assert.equal(await peer.dockerOk('inspect', '-f', '{{.Id}}', 'localhost/app:2'), imageId(app));
      assert.equal(await peer.dockerOk('inspect', '-f', '{{.Id}}', 'localhost/other:x'), imageId(other));
      await peer.dockerOk('save', '-o', `${work}/back.tar`, 'localhost/app', 'localhost/other:x');
      const to = await testStore(t);
      await to.images.load(to.ctx, createReadStream(`${work}/back.tar`), () => {});
      const tags = to.images.list().flatMap((image) => image.tags);
      assert.deepEqual(tags.toSorted(), ['localhost/app:1', 'localhost/app:2', 'localhost/other:x']);
      assert.equal(to.images.get('localhost/app:1').id, imageId(app));
      await peer.dockerOk('rmi', 'localhost/app:1', 'localhost/app:2', 'localhost/other:x');
    }
  },
);
