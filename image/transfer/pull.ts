import { join } from 'node:path';
import { writeFile } from '../../common/patient-fs.ts';
import type { Ctx } from '../../common/ctx.ts';
import { failpoint } from '../../common/failpoints.ts';
import type { PlannedImage } from '../archive/planned.ts';
import { chainIds, type Digest } from '../digest.ts';
import type { Image } from '../images.ts';
import type { StoreParts } from '../parts.ts';
import type { Reference } from '../reference.ts';
import type { Platform, Repository } from '../registry/contract.ts';
import type { Progress } from '../transfers.ts';
import type { RemoteRepository } from '../workers/jobs.ts';
import type { Blobs } from './blobs.ts';
import { LayerFetcher } from './layers.ts';
import { resolveImage, type RemoteDescription } from './resolve.ts';

export interface PullOne {
  /** With a tag or a digest. */
  readonly reference: Reference;
  readonly platform: Platform;
  readonly repository: Repository;
  readonly from: RemoteRepository;
  readonly progress: (message: Progress) => void;
}

export interface PulledImage {
  readonly image: Image;
  /** The name stood for another image before, or for none. */
  readonly isNew: boolean;
}

/**
 * Pulls one image: what the name stands for, the layers, the documents, then the disk, and then it is published in one transaction.
 * A failure leaves the bytes that came as partial blobs, and nothing else.
 */
export async function pullImage(
  parts: StoreParts,
  ctx: Ctx,
  { blobs, pull }: { readonly blobs: Blobs; readonly pull: PullOne },
): Promise<PulledImage> {
  const { reference, platform, repository, progress } = pull;
  const path = reference.name.slice(reference.name.indexOf('/') + 1);
  const wanted = reference.digest ?? reference.tag ?? 'latest';
  const root = await repository.manifest(ctx, wanted);
  // Not before: what the registry does not have is answered with a status, not in the stream.
  progress({ status: `Pulling from ${path}`, id: wanted });
  const remote = await resolveImage(repository, ctx, { root, platform });
  await failpoint('pull.manifest');
  using _blobs = parts.content.hold([...blobsOf(remote), ...parts.catalog.blobs(remote.id)]);
  using _chains = parts.layers.hold(chainIds(remote.config.diffIds));
  try {
    return await fetchAndPublish(parts, ctx, { blobs, pull, remote });
  } finally {
    await parts.collect(ctx);
  }
}

const blobsOf = ({ id, layers, documents }: RemoteDescription): Digest[] => [
  id as string as Digest,
  ...layers.map(({ digest }) => digest),
  ...documents.map(({ descriptor }) => descriptor.digest),
];

async function fetchAndPublish(
  parts: StoreParts,
  ctx: Ctx,
  work: { readonly blobs: Blobs; readonly pull: PullOne; readonly remote: RemoteDescription },
): Promise<PulledImage> {
  const { blobs, pull, remote } = work;
  const { catalog } = parts;
  const { reference, from, progress } = pull;
  // An image that is there has its layers, perhaps from other blobs: those are kept.
  const before = catalog.get(remote.id);
  if (before === undefined) {
    const layers = new LayerFetcher(parts, blobs);
    const { diffIds } = remote.config;
    await layers.ensure(ctx, { from, layers: remote.layers, diffIds, progress });
    await failpoint('pull.fetched');
    for (const { digest } of remote.layers) await blobs.publish(ctx, digest);
  }
  await keepDocuments(parts, ctx, remote);
  await failpoint('pull.unpacked');
  for (const root of [parts.content.root, parts.directories.root]) {
    await parts.workers.run(ctx, { kind: 'sync', path: root });
  }
  await failpoint('pull.synced');
  // Somebody has removed it meanwhile.
  if (before !== undefined && catalog.get(remote.id) === undefined) return fetchAndPublish(parts, ctx, work);
  const isNew = catalog.named(nameOf(reference))?.id !== remote.id;
  catalog.add([planned(parts, remote, reference)]);
  const image = catalog.get(remote.id);
  if (image === undefined) throw new Error(`The image ${remote.id} was not published`);
  progress({ status: `Digest: ${remote.root.digest}` });
  return { image, isNew };
}

/** A tag is ignored where there is a digest. */
const nameOf = (reference: Reference): Reference =>
  reference.digest === undefined ? reference : { ...reference, tag: undefined };

/** Configuration, index and manifest, as they came. */
async function keepDocuments({ content }: StoreParts, ctx: Ctx, remote: RemoteDescription): Promise<void> {
  const documents = remote.documents.map(({ descriptor, bytes }) => ({ digest: descriptor.digest, bytes }));
  await using incoming = await content.ingest();
  for (const { digest, bytes } of [
    ...documents,
    { digest: remote.id as string as Digest, bytes: remote.configBytes },
  ]) {
    const file = join(incoming.directory, digest.slice('sha256:'.length));
    await writeFile(file, bytes, { mode: 0o600 });
    await content.adopt(ctx, file, digest);
  }
}

function planned({ content }: StoreParts, remote: RemoteDescription, reference: Reference): PlannedImage {
  const { id, config, configBytes, layers, documents, manifest, root } = remote;
  const file = (digest: Digest, sizeBytes: number): PlannedImage['configFile'] => ({
    path: content.path(digest),
    digest,
    sizeBytes,
  });
  const { mediaType, digest, size } = manifest;
  const byDigest = { name: reference.name, tag: undefined, digest: root.digest };
  return {
    id,
    config,
    configText: Buffer.from(configBytes).toString(),
    configFile: file(id as string as Digest, configBytes.byteLength),
    layers: layers.map((layer) => file(layer.digest, layer.size)),
    names: reference.digest === undefined ? [byDigest, reference] : [byDigest],
    manifest: { file: file(digest, size), descriptor: { mediaType, digest, size } },
    documents: documents.map(({ descriptor }) => descriptor),
    source: { repository: reference.name, digest: root.digest },
  };
}
