import { join } from 'node:path';
import type { Ctx } from '../../common/ctx.ts';
import { notFound } from '../../common/errors.ts';
import { VERSION } from '../../common/version.ts';
import type { CommitRequest } from '../archives.ts';
import { applyChanges } from '../changes/apply.ts';
import { chainIds } from '../digest.ts';
import { parseTarget } from '../find.ts';
import type { Image, ImageConfig } from '../images.ts';
import type { StoreParts } from '../parts.ts';
import type { ImageId } from '../snapshots.ts';
import { announceName, publishImage } from './publish.ts';

/** Of a tar that holds nothing: docker makes no layer of it. */
const EMPTY_LAYER = 'sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef';

/** Archives.commit. */
export async function commitSnapshot(parts: StoreParts, ctx: Ctx, request: CommitRequest): Promise<ImageId> {
  const { catalog, content, layers, snapshots, workers } = parts;
  const name = request.reference === undefined ? undefined : parseTarget(request.reference);
  const config = changedConfig(request);
  const base = catalog.get(request.image);
  if (base === undefined) throw notFound(`No such image: ${request.image}`);
  const blobs = catalog.blobs(base.id);
  using _blobs = content.hold(blobs);
  using _chains = layers.hold(chainIds(base.diffIds));
  await using opened = await snapshots.open(ctx, snapshots.get(request.snapshot));
  const { upper, lower: lowers } = opened;
  await using incoming = await content.ingest();
  const { directory } = incoming;
  const file = join(directory, 'layer');
  const blob = await workers.run(ctx, { kind: 'pack', file, from: { upper, lowers } });
  const isEmpty = blob.diffId === EMPTY_LAYER;
  const id = await publishImage(parts, ctx, {
    directory,
    config: imageConfig(base, { request, config, diffId: isEmpty ? undefined : blob.diffId }),
    below: base.diffIds.length === 0 ? [] : blobs.slice(-base.diffIds.length),
    layer: isEmpty ? undefined : { file, blob },
    name,
  });
  announceName(parts, id, name);
  return id;
}

/** What a change leaves without a program keeps the container's, as in docker. */
function changedConfig({ config, changes }: CommitRequest): ImageConfig {
  const changed = applyChanges(config, changes);
  const isProgramless = (changed.Entrypoint ?? []).length === 0 && (changed.Cmd ?? []).length === 0;
  return isProgramless ? { ...changed, Cmd: config.Cmd ?? null } : changed;
}

interface Commit {
  readonly request: CommitRequest;
  readonly config: ImageConfig;
  /** Of the new layer; undefined: there is none. */
  readonly diffId: string | undefined;
}

/** Keys as docker sorts them. Source: moby image/image.go, NewChildImage. */
function imageConfig(base: Image, { request, config, diffId }: Commit): object {
  const created = new Date().toISOString();
  const { author, comment, containerId } = request;
  const entry = {
    created,
    ...(author === '' ? {} : { author }),
    created_by: (request.config.Cmd ?? []).join(' '),
    ...(comment === '' ? {} : { comment }),
    ...(diffId === undefined ? { empty_layer: true } : {}),
  };
  return {
    architecture: base.architecture,
    ...(author === '' ? {} : { author }),
    config,
    container: containerId,
    container_config: { Hostname: containerId.slice(0, 12), ...request.config, Image: request.image },
    created,
    docker_version: VERSION,
    history: [...base.history, entry],
    os: base.os,
    rootfs: { type: 'layers', diff_ids: [...base.diffIds, ...(diffId === undefined ? [] : [diffId])] },
    ...(base.variant === undefined ? {} : { variant: base.variant }),
  };
}
