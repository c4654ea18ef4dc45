import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Code, createClient, type Client } from '@connectrpc/connect';
import { Tasks } from '../../daemon/api/containerd/gen/containerd/services/tasks/v1/tasks_pb.ts';
import { CHECKPOINT } from '../../image/checkpoint-types.ts';
import { sha256 } from '../../image/digest.ts';
import { containerdTransport } from '../lib/containerd-client.ts';
import {
  checkpointsIn,
  collect,
  gone,
  ok,
  openWithCriu,
  pidOf,
  sleeping,
  type Place,
  type Run,
} from '../lib/checkpoints.ts';
import { eventually } from '../lib/process.ts';
import { requires } from '../lib/requires.ts';
import { tarball, type Member } from '../lib/tarball.ts';
import { IMAGE } from '../lib/wctr.ts';

const NEEDS = requires('root', 'ctr', 'unshare', 'busybox', 'overlay');
const REF = 'docker.io/library/saved:1';
/** What a container is known by that is restored. */
const WORDS = ['sleep', '4711'].join('\0');

interface Index {
  readonly manifests: readonly { readonly mediaType: string; readonly digest: string }[];
}

/** The parts of a checkpoint, by what their media types end with. */
async function partsOf(client: Run, ref: string): Promise<ReadonlyMap<string, string>> {
  const line = (await ok(client, `images ls name==${ref}`)).split('\n')[1] ?? '';
  const digest = /sha256:\w+/.exec(line)?.[0] ?? '';
  const { manifests } = JSON.parse(await ok(client, `content get ${digest}`)) as Index;
  const labels = await ok(client, `content ls digest==${digest}`);
  manifests.forEach((each, at) =>
    assert.ok(labels.includes(`containerd.io/gc.ref.content.${at}=${each.digest}`), labels),
  );
  return new Map(manifests.map((each) => [each.mediaType.replace(/^.*vnd\./, ''), each.digest]));
}

const ofDaemon = ({ daemon }: Place): Client<typeof Tasks> =>
  createClient(Tasks, containerdTransport(join(daemon.execRoot, 'containerd.sock'), `of-b-${process.pid}`));

/** Puts an archive into the content store. */
async function ingested({ pair }: Place, bytes: Uint8Array): Promise<{ digest: string; size: bigint }> {
  const [file, digest] = [join(pair.bench.directory, 'archive'), sha256(bytes)];
  await writeFile(file, bytes);
  const line = `exec ${pair.wctr.words} content ingest --expected-digest ${digest} ${digest} < ${file}`;
  const { code, stderr } = await pair.bench.run(['sh', '-c', line]);
  assert.equal(code, 0, stderr);
  await ok(pair.wctr, `content label ${digest} containerd.io/gc.root=now`);
  return { digest, size: BigInt(bytes.length) };
}

describe("checkpoints by containerd's API", NEEDS, () => {
  for (const name of ['ctr', 'wctr'] as const) {
    test(`${name}: a container is written down, removed, and goes on under another name`, async (t) => {
      const place = await openWithCriu(t);
      const { daemon, pair } = place;
      const client = pair[name];
      await sleeping(client, pair);
      await ok(client, `containers checkpoint --image --rw --task c1 ${REF}`);
      assert.notEqual(await pidOf(client, 'c1'), '', 'it goes on');
      assert.deepEqual(await checkpointsIn(daemon), []);
      const parts = await partsOf(client, REF);
      assert.deepEqual(
        [...parts.keys()],
        [
          'containerd.container.checkpoint.runtime.options+proto',
          'docker.distribution.manifest.v2+json',
          'oci.image.layer.v1.tar+gzip',
          'containerd.container.criu.checkpoint.criu.tar',
          'containerd.container.checkpoint.config.v1+proto',
          'containerd.container.checkpoint.options.v1+proto',
        ],
      );
      await gone(client, 'c1');
      await collect(client);

      await ok(client, `containers restore --live --rw c2 ${REF}`);
      const pid = await pidOf(client, 'c2');
      assert.ok((await readFile(`/proc/${pid}/cmdline`, 'utf8')).includes(WORDS));
      const mounts = await ok(client, 'snapshots mounts /mnt c2');
      const directories = mounts.split(/[=:, ]/).filter((word) => word.startsWith('/'));
      assert.ok(
        directories.some((directory) => existsSync(join(directory, 'written'))),
        mounts,
      );
      await eventually(
        'what it was restored from is gone',
        async () => (await checkpointsIn(daemon)).length === 0,
      );
      await gone(client, 'c2');

      await ok(client, `images rm --sync ${REF} ${IMAGE}`);
      await collect(client);
      assert.equal(await ok(client, 'content ls -q'), '', 'nothing leads to it any more');
    });

    test(`${name}: a task is written down, and ends when that is wanted`, async (t) => {
      const place = await openWithCriu(t);
      const { daemon, pair } = place;
      const client = pair[name];
      await sleeping(client, pair);
      const printed = (await ok(client, 'tasks checkpoint c1')).trim();
      assert.match(printed, /^containerd\.io\/checkpoint\/c1:\d\d-\d\d-\d{4}-\d\d:\d\d:\d\d$/);
      assert.notEqual(await pidOf(client, 'c1'), '', 'it goes on');
      assert.match(await ok(client, 'images ls'), /containerd\.io\/checkpoint=true/);
      await collect(client);
      const archive = (await partsOf(client, `"${printed}"`)).get(
        'containerd.container.criu.checkpoint.criu.tar',
      );
      assert.match(await ok(client, `content get ${archive}`), /pages-1\.img/);

      const directory = join(pair.bench.directory, 'images');
      await ok(client, `tasks checkpoint --exit --image-path ${directory} c1`);
      assert.ok((await readFile(join(directory, 'pages-1.img'), 'utf8')).startsWith(WORDS));
      await eventually('it ends', async () => /STOPPED/.test(await ok(client, 'tasks ls')));
      assert.deepEqual(await checkpointsIn(daemon), []);
      await gone(client, 'c1');
    });
  }

  test('what cannot be restored is refused, and leaves nothing', async (t) => {
    const place = await openWithCriu(t);
    const { daemon, pair } = place;
    const { wctr } = pair;
    await ok(wctr, `images import ${pair.archive}`);
    await ok(wctr, `containers create ${IMAGE} c1 sleep 4711`);
    const tasks = ofDaemon(place);
    const refused = async (checkpoint: object, expected: object): Promise<void> => {
      await assert.rejects(tasks.create({ containerId: 'c1', checkpoint }), expected);
      assert.deepEqual(await checkpointsIn(daemon), []);
      assert.doesNotMatch(await ok(wctr, 'tasks ls'), /c1/);
    };
    const absent = `sha256:${'0'.repeat(64)}`;
    await refused(
      { mediaType: CHECKPOINT, digest: absent },
      { code: Code.NotFound, rawMessage: `content digest ${absent}: not found` },
    );
    await refused(
      { mediaType: 'a/b', digest: absent },
      { code: Code.InvalidArgument, rawMessage: 'unsupported checkpoint type "a/b": invalid argument' },
    );
    await refused({ mediaType: CHECKPOINT, digest: '../x' }, { code: Code.InvalidArgument });
    const evil: Member = { name: '../../../evil', data: 'x' };
    const link: Member = { name: 'parent', type: '2', linkName: '../somebody-else' };
    for (const member of [evil, link])
      await refused(
        { mediaType: CHECKPOINT, ...(await ingested(place, tarball([{ name: 'pages-1.img' }, member]))) },
        { code: Code.InvalidArgument },
      );
    assert.ok(!existsSync(join(daemon.dataRoot, 'evil')));
  });

  test('who fails says why, and the container goes on; what is restored is tried again', async (t) => {
    const place = await openWithCriu(t);
    const { daemon, criu, pair } = place;
    const { wctr } = pair;
    await sleeping(wctr, pair);
    await criu.set('fails');
    const failed = await wctr('tasks', 'checkpoint', 'c1');
    assert.equal(failed.code, 1);
    assert.match(failed.stderr, /criu failed: type DUMP errno 1/);
    assert.notEqual(await pidOf(wctr, 'c1'), '', 'it goes on');
    assert.deepEqual(await checkpointsIn(daemon), []);
    await criu.set(undefined);
    await ok(wctr, `containers checkpoint --task c1 ${REF}`);
    const parts = await partsOf(wctr, REF);
    await gone(wctr, 'c1');

    await ok(wctr, `containers create ${IMAGE} c1 sleep 1`);
    const tasks = ofDaemon(place);
    const [mediaType, digest] = [CHECKPOINT, parts.get(CHECKPOINT.replace(/^.*vnd\./, '')) ?? ''];
    const stdout = join(pair.bench.directory, 'out');
    const rootfs = [{ type: 'bind', source: pair.bench.rootfs, options: ['bind', 'rw'] }];
    await tasks.create({
      ...{ containerId: 'c1', rootfs, stdout: `file://${stdout}` },
      checkpoint: { mediaType, digest },
    });
    await criu.set('fails');
    await assert.rejects(tasks.start({ containerId: 'c1' }), /criu failed: type RESTORE errno 1/);
    await criu.set(undefined);
    // What was unpacked for it is there for the next daemon, too, whatever becomes of the image.
    await ok(wctr, `images rm --sync ${REF}`);
    await daemon.kill9();
    await daemon.restart();
    await ofDaemon(place).start({ containerId: 'c1' });
    await eventually('its output is ours', async () =>
      (await readFile(stdout, 'utf8')).startsWith('restored sleep 4711'),
    );
    await gone(wctr, 'c1');
    assert.deepEqual(await checkpointsIn(daemon), []);
  });
});
