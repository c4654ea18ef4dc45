import { gzipSync } from 'node:zlib';
import { tarball } from '../tarball.ts';
import { digestOf, openLibrary, writeInPieces } from './client.ts';

const GZIP = 'application/vnd.oci.image.layer.v1.tar+gzip';
const snapshotter = 'overlayfs';

/** A layer in its two forms. */
function layerOf(name: string): { readonly plain: Buffer; readonly packed: Buffer } {
  const plain = tarball([{ name: `${name}/` }, { name: `${name}/file`, data: `of ${name}` }]);
  return { plain, packed: gzipSync(plain) };
}

/** What buildkit's worker for containerd asks for at its start, and for a build of two layers. Returns what it learned. */
export async function buildLikeBuildkit(address: string, namespace: string): Promise<unknown> {
  const library = openLibrary(address, namespace);
  const { introspection, leases } = library;
  const runtimes = await introspection.plugins({ filters: ['type==io.containerd.runtime.v2'] });
  const stores = await introspection.plugins({
    filters: [`type==io.containerd.snapshotter.v1,id==overlayfs`],
  });
  const server = await introspection.server({});

  const id = 'build';
  const labels = { 'buildkit/lease.temporary': '1970-01-01T00:00:00Z' };
  await leases.create({ id, labels });
  const held = openLibrary(address, namespace, id);
  const chain: string[] = [];
  for (const name of ['lower', 'upper']) {
    const { plain, packed } = layerOf(name);
    const [diffId, digest] = [digestOf(plain), digestOf(packed)];
    const uncompressed = { 'containerd.io/uncompressed': diffId };
    await writeInPieces(held, packed, { ref: `layer-${digest}`, labels: uncompressed });
    await held.leases.addResource({ id, resource: { id: digest, type: 'content' } });
    const [key, parent] = [`${name} extract`, chain.at(-1) ?? ''];
    const { mounts } = await held.snapshots.prepare({ snapshotter, key, parent });
    const descriptor = { mediaType: GZIP, digest, size: BigInt(packed.length) };
    await held.diff.apply({ diff: descriptor, mounts });
    const chained = parent === '' ? diffId : digestOf(Buffer.from(`${parent} ${diffId}`));
    await held.snapshots.commit({
      snapshotter,
      key,
      name: chained,
      labels: { 'containerd.io/gc.root': 'x' },
    });
    await held.leases.addResource({ id, resource: { id: chained, type: `snapshots/${snapshotter}` } });
    chain.push(chained);
  }
  const found = await leases.list({ filters: ['labels."buildkit/lease.temporary"'] });
  const { resources } = await leases.listResources({ id });

  // What the build's step made is a layer of the image: the difference of its snapshot from the one below.
  const top = chain.at(-1) ?? '';
  const { mounts: right } = await held.snapshots.view({ snapshotter, key: 'top', parent: top });
  const { mounts: left } = await held.snapshots.view({ snapshotter, key: 'below', parent: chain[0] ?? '' });
  const made = await held.diff.diff({
    left,
    right,
    mediaType: 'application/vnd.oci.image.layer.v1.tar',
    ref: 'd',
  });
  const { info } = await held.content.info({ digest: made.diff?.digest ?? '' });
  for (const key of ['top', 'below']) await held.snapshots.remove({ snapshotter, key });
  const { info: stat } = await held.snapshots.stat({ snapshotter, key: top });

  await library.snapshots.update({
    ...{ snapshotter, info: { name: top, labels: {} } },
    updateMask: { paths: ['labels.containerd.io/gc.root'] },
  });
  await leases.delete({ id, sync: true });
  const remaining: string[] = [];
  for await (const page of library.content.list({})) remaining.push(...page.info.map(({ digest }) => digest));
  return {
    runtimes: runtimes.plugins.length > 0 && runtimes.plugins.every(({ platforms }) => platforms.length > 0),
    stores: stores.plugins.map(({ type, id: name, exports }) => [type, name, 'root' in exports]),
    server: /^[0-9a-f-]{36}$/.test(server.uuid),
    leases: found.leases.map(({ id: name, labels: all }) => [name, all]),
    resources: resources.map(({ id: name, type }) => `${type} ${name}`).toSorted(),
    made: [made.diff?.mediaType, info?.size === made.diff?.size],
    stat: [stat?.name, stat?.parent, stat?.kind, Object.keys(stat?.labels ?? {})],
    contentsLeft: remaining.length,
  };
}

/** Several layers come into one snapshot, as a squash has it. Returns the names that its mounts show of each. */
export async function applyTwice(address: string, namespace: string): Promise<unknown> {
  const { snapshots, diff, ...library } = openLibrary(address, namespace);
  const { mounts } = await snapshots.prepare({ snapshotter, key: 'squash' });
  const applied: (string | undefined)[] = [];
  for (const name of ['one', 'two', 'three']) {
    const { packed } = layerOf(name);
    const digest = digestOf(packed);
    await writeInPieces({ snapshots, diff, ...library }, packed, { ref: name, labels: {} });
    const answer = await diff.apply({
      ...{ diff: { mediaType: GZIP, digest, size: BigInt(packed.length) }, mounts },
    });
    applied.push(answer.applied?.digest);
  }
  await snapshots.commit({ snapshotter, key: 'squash', name: 'squashed' });
  return applied;
}
