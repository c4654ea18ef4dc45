import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
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
import { plainClient } from '../lib/plain-client.ts';
import { ended, eventually, execOk, start } from '../lib/process.ts';
import { requires } from '../lib/requires.ts';

const base = layer({ name: 'bin/' }, { name: 'bin/base', mode: 0o755, data: 'b'.repeat(50_000) });
const app: ImageParts = { layers: [base, layer({ name: 'app', data: 'app' })] };
const other: ImageParts = { layers: [base, layer({ name: 'other', data: 'o' })] };

interface Registry {
  /** `127.0.0.1:1234`. */
  readonly host: string;
  /** Of the test's. */
  readonly work: string;
  /** Serves the same content at the same address in another network namespace too. */
  serveIn(netnsPid: number): Promise<void>;
}

/** Debian's docker-registry; ends with the test. */
async function registry(t: TestContext): Promise<Registry> {
  const work = await mkdtemp('/tmp/push-');
  t.after(() => rm(work, { recursive: true, force: true }));
  const host = `127.0.0.1:${await freePort()}`;
  const config = join(work, 'config.yml');
  const storage = `{filesystem: {rootdirectory: ${work}/registry}}`;
  await writeFile(
    config,
    `version: 0.1\nlog: {level: error}\nstorage: ${storage}\nhttp: {addr: "${host}"}\n`,
  );
  const serve = async (...enter: readonly string[]): Promise<void> => {
    const child = start([...enter, 'docker-registry', 'serve', config], { stdio: 'ignore' });
    // Asked for at once: whoever takes down the namespace ends it too.
    const end = ended(child);
    t.after(async () => {
      child.kill('SIGKILL');
      await end;
    });
    const ask = ['python3', '-c', `import urllib.request as u; u.urlopen("http://${host}/v2/")`];
    await eventually('the registry answers', () =>
      execOk([...enter, ...ask]).then(
        () => true,
        () => false,
      ),
    );
  };
  await serve();
  return { host, work, serveIn: (pid) => serve('nsenter', `--net=/proc/${pid}/ns/net`, '--') };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const pushingStore = (t: TestContext): Promise<TestStore> =>
  testStore(t, undefined, {
    registry: plainClient(),
    hosts: { endpoints: async (host) => [{ url: `http://${host}`, mirror: false }] },
  });

/** What was said, and the digest. */
async function push(store: TestStore, reference: string): Promise<{ said: string[]; digest: string }> {
  const said: string[] = [];
  let digest = '';
  const request = { reference, allTags: false, platform: undefined, credentials: undefined };
  await store.transfers.push(store.ctx, request, ({ status, aux }) => {
    if (status !== undefined) said.push(status);
    if (aux !== undefined) digest = (aux as { Digest: string }).Digest;
  });
  return { said, digest };
}

/** Loads an image and names it; with or without a manifest. */
async function load(
  store: TestStore,
  { image, name, how, kept }: { image: ImageParts; name: string; how: Squeeze; kept: boolean },
): Promise<void> {
  await store.loadBytes(kept ? ociArchive(image, { how }) : dockerArchive(image, how));
  await store.images.tag(store.ctx, imageId(image), name);
}

for (const [how, kept] of [
  ['none', false],
  ['gzip', false],
  ['gzip', true],
  ['zstd', true],
] as const) {
  const what = `layers in ${how} ${kept ? 'with' : 'without'} a manifest`;
  test(`skopeo and podman pull what is pushed: ${what}`, requires('root', 'skopeo', 'podman'), async (t) => {
    const { host, work } = await registry(t);
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
  const { host, serveIn } = await registry(t);
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
  const { host } = await registry(t);
  const store = await pushingStore(t);
  await load(store, { image: app, name: `${host}/a/app:1`, how: 'gzip', kept: true });
  await load(store, { image: other, name: `${host}/b/other:1`, how: 'gzip', kept: true });
  await push(store, `${host}/a/app:1`);
  const { said } = await push(store, `${host}/b/other:1`);
  assert.ok(said.includes('Mounted from a/app'), said.join('\n'));
  assert.equal(said.filter((text) => text === 'Pushed').length, 1);
});
