import assert from 'node:assert/strict';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { startDaemon, type Daemon } from '../lib/daemon.ts';
import { imageId, layer, type ImageParts } from '../lib/image-archives.ts';
import { eventually, execOk } from '../lib/process.ts';
import { uploads } from '../lib/pull-registry.ts';
import { seededRandom } from '../lib/random.ts';
import { startRegistry } from '../lib/registry.ts';
import { requires } from '../lib/requires.ts';
import type { Member } from '../lib/tarball.ts';

const random = seededRandom(11);
/** Files of all sizes, some with several names. */
const files = (name: string, count: number): Member[] => [
  { name: `${name}/` },
  ...Array.from({ length: count }, (_, index) => ({
    name: `${name}/${'long'.repeat(index % 30)}${index}`,
    mode: index % 2 === 0 ? 0o755 : 0o600,
    mtime: 1_700_000_000 + index,
    data: index % 5 === 0 ? random.bytes(random.below(60_000)) : `line ${index}\n`.repeat(random.below(3000)),
  })),
  { name: `${name}/link`, type: '1', linkName: `${name}/0` },
];
const app: ImageParts = {
  layers: [layer(...files('usr', 120)), layer(...files('opt', 80), { name: 'usr/.wh.0', data: '' })],
  tags: ['app:1'],
};

interface Layer {
  readonly Digest: string;
  readonly CompressedSize: number;
  readonly RecipeSize: number | null;
  readonly Directory: string;
  readonly Size: number;
}

const layersOf = async (daemon: Daemon, name: string): Promise<Layer[]> => {
  const text = await daemon.runOk('wherry', 'image', 'inspect', '--layers', '--format', 'json', name);
  return (JSON.parse(text) as { Layers: Layer[] }[])[0]?.Layers ?? [];
};

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
const digestIn = (said: string): string => /digest: (sha256:[0-9a-f]{64})/i.exec(said)?.[1] ?? said;
const insecure = '--tls-verify=false';

test(
  'dropped blobs are pushed to another registry with the same digests, and saved for dockerd',
  requires('root', 'docker-registry', 'docker-client', 'dockerd', 'skopeo', 'podman'),
  async (t) => {
    const [from, to] = [await startRegistry(t), await startRegistry(t)];
    await using daemon = await startDaemon(t, { args: ['--image-drop-blobs'], busybox: false });
    await from.serveIn(daemon.netnsPid);
    await to.serveIn(daemon.netnsPid);
    const pushed = await uploads(`http://${from.host}/v2`).push(app, 'app:1');
    const [source, target] = [`${from.host}/app:1`, `${to.host}/copy/app:1`];
    await daemon.dockerOk('pull', source);
    const isDropped = async (): Promise<boolean> =>
      (await layersOf(daemon, source)).every(({ RecipeSize }) => RecipeSize !== null);
    await eventually('the blobs to be dropped', isDropped, 60_000);
    const layers = await layersOf(daemon, source);
    assert.deepEqual(
      layers.map(({ Digest, CompressedSize }) => [Digest, CompressedSize]),
      pushed.layers.map(({ digest, size }) => [digest, size]),
    );
    const bytes = {
      compressed: sum(layers.map(({ CompressedSize }) => CompressedSize)),
      kept: sum(layers.map(({ RecipeSize }) => RecipeSize ?? 0)),
      unpacked: sum(layers.map(({ Size }) => Size)),
    };
    t.diagnostic(`${JSON.stringify(bytes)}: ${((100 * bytes.kept) / bytes.unpacked).toFixed(2)} % are kept`);
    assert.ok(bytes.kept < bytes.compressed / 20, JSON.stringify(bytes));
    const blob = (digest: string): string =>
      join(daemon.dataRoot, 'content/blobs/sha256', digest.slice('sha256:'.length));
    for (const { Digest } of layers) assert.equal(existsSync(blob(Digest)), false);

    await daemon.dockerOk('tag', source, target);
    assert.equal(digestIn(await daemon.dockerOk('push', target)), pushed.manifest);
    const format = ['--format', '{{.Digest}}'];
    assert.equal(
      await execOk(['skopeo', 'inspect', insecure, ...format, `docker://${target}`]),
      pushed.manifest,
    );
    const podman = [
      'podman',
      '--root',
      `${to.work}/r`,
      '--runroot',
      `${to.work}/rr`,
      '--storage-driver',
      'vfs',
    ];
    const id = await execOk([...podman, 'pull', '-q', insecure, target]);
    assert.equal(`sha256:${id}`, imageId(app));
    await execOk([...podman, 'rmi', '-af']);

    await using peer = await startDaemon(t, { peer: true, busybox: false });
    await to.serveIn(peer.netnsPid);
    assert.match(await peer.dockerOk('pull', target), new RegExp(`Digest: ${pushed.manifest}`));
    await peer.dockerOk('rmi', target);
    const archive = join(to.work, 'saved.tar');
    await daemon.dockerOk('save', '-o', archive, target);
    await peer.dockerOk('load', '-i', archive);
    assert.equal(await peer.dockerOk('inspect', '-f', '{{.Id}}', target), imageId(app));

    assert.match(await daemon.runOk('wherry', 'system', 'df', '--verify'), /./);
    assert.match(await daemon.runOk('wherry', 'system', 'check'), /^No damage was found$/m);
    await daemon.dockerOk('rmi', source, target);
    assert.deepEqual(readdirSync(join(daemon.dataRoot, 'content/recipes')), []);
  },
);

test(
  'a damaged file is noticed, named, and fetched again; what is there already is dropped on demand',
  requires('root', 'docker-registry', 'docker-client'),
  async (t) => {
    const [from, to] = [await startRegistry(t), await startRegistry(t)];
    await using daemon = await startDaemon(t, { busybox: false });
    await from.serveIn(daemon.netnsPid);
    await to.serveIn(daemon.netnsPid);
    await uploads(`http://${from.host}/v2`).push(app, 'app:1');
    const [source, target] = [`${from.host}/app:1`, `${to.host}/app:1`];
    await daemon.dockerOk('pull', source);
    assert.match(await daemon.runOk('wherry', 'system', 'compact'), /^Dropped 2 of 2 blobs, reclaimed /m);
    const [lowest] = await layersOf(daemon, source);
    assert.ok(lowest !== undefined && lowest.RecipeSize !== null);
    writeFileSync(join(lowest.Directory, 'usr/long1'), 'damaged');
    await daemon.dockerOk('tag', source, target);
    const push = await daemon.run('docker', 'push', target);
    assert.notEqual(push.code, 0);
    const named = new RegExp(
      `Cannot make the blob ${lowest.Digest} again: layer .*wherry system check --repair`,
    );
    assert.match(push.stderr, named);
    const checked = await daemon.run('wherry', 'system', 'check');
    assert.equal(checked.code, 1);
    assert.match(checked.stdout, named);
    const repaired = await daemon.runOk('wherry', 'system', 'check', '--repair');
    assert.match(repaired, /^2 damaged, 2 repaired$/m);
    await daemon.dockerOk('push', target);
    assert.match(await daemon.runOk('wherry', 'system', 'check'), /^No damage was found$/m);
  },
);
