import type { Ctx } from '../../common/ctx.ts';
import { invalidArgument, notFound } from '../../common/errors.ts';
import { holdImages } from '../hold-images.ts';
import type { Image } from '../images.ts';
import type { StoreParts } from '../parts.ts';
import { familiar, familiarName, parseReference, withDefaultTag, type Reference } from '../reference.ts';
import type { Descriptor, Manifest, RegistryClient } from '../registry/contract.ts';
import { repository as namesOf } from '../save/choose.ts';
import { requirePlatform } from '../save/platform.ts';
import type { Progress, PushRequest } from '../transfers.ts';
import { openCompressed } from './compress.ts';
import { inLanes } from './lanes.ts';
import { mountCandidates } from './mounts.ts';
import { blobsOf, planPush, type PushBlob, type PushPlan } from './plan.ts';
import { sendBlob, type Target } from './send-blob.ts';

export interface PushParts extends Pick<
  StoreParts,
  'db' | 'catalog' | 'content' | 'recipes' | 'rebuilt' | 'workers' | 'collect' | 'onEvent'
> {
  readonly client: RegistryClient;
  /** Docker's `max-concurrent-uploads`; default 5. */
  readonly maxUploads?: number | undefined;
}

const DEFAULT_UPLOADS = 5;

interface Tagged {
  readonly image: Image;
  readonly name: Reference & { readonly tag: string };
}

/** `Transfers.push`. */
export async function pushImage(
  parts: PushParts,
  ctx: Ctx,
  { request, progress }: { readonly request: PushRequest; readonly progress: (message: Progress) => void },
): Promise<void> {
  const { reference, tags } = chosen(parts, request, progress);
  await using incoming = await parts.content.ingest();
  const target: Target = {
    repository: parts.client.repository(reference.name, 'push', request.credentials),
    compressed: openCompressed(parts),
    blobs: parts.rebuilt,
    directory: incoming.directory,
    candidates: (blob) => mountCandidates(parts.catalog, blob, reference.name),
    sent: new Map(),
  };
  for (const tagged of tags) {
    requirePlatform(tagged.image, request.platform, familiar(tagged.name));
    await using _ = holdImages(ctx, parts, [tagged.image.id]);
    const plan = await planPush(parts, tagged.image, request.platform !== undefined);
    using _parts = parts.content.hold(blobsOf(plan));
    const { digest, size } = await pushTag(ctx, { parts, target, plan, tagged, progress });
    progress({ status: `${tagged.name.tag}: digest: ${digest} size: ${size}` });
    recordDigest(parts, tagged, digest);
    progress({ aux: { Tag: tagged.name.tag, Digest: digest, Size: size } });
  }
  parts.onEvent('push', familiar(reference), familiarName(reference.name));
}

/** What is to be pushed, by docker's rules and with docker's texts. */
function chosen(
  { catalog }: PushParts,
  request: PushRequest,
  progress: (message: Progress) => void,
): { reference: Reference; tags: Tagged[] } {
  const parsed = parseReference(request.reference);
  if (parsed.digest !== undefined) throw invalidArgument('cannot push a digest reference');
  const reference = request.allTags ? { ...parsed, tag: undefined } : withDefaultTag(parsed);
  progress({ status: `The push refers to repository [${reference.name}]` });
  const all = namesOf(catalog, reference.name);
  if (all.length === 0) {
    throw notFound(`An image does not exist locally with the tag: ${familiarName(reference.name)}`);
  }
  const tagged = all.flatMap(({ image, name }) =>
    name?.tag === undefined ? [] : [{ image, name: { ...name, tag: name.tag } }],
  );
  const wanted = tagged
    .filter(({ name }) => reference.tag === undefined || name.tag === reference.tag)
    .sort((a, b) => (a.name.tag < b.name.tag ? -1 : 1));
  if (wanted.length > 0) return { reference, tags: wanted };
  throw notFound(
    reference.tag === undefined
      ? `no tags to push for ${familiarName(reference.name)}`
      : `tag does not exist: ${familiar(reference)}`,
  );
}

interface TagPush {
  readonly parts: PushParts;
  readonly target: Target;
  readonly plan: PushPlan;
  readonly tagged: Tagged;
  readonly progress: (message: Progress) => void;
}

/** Blobs, then what refers to them, the tag last: a push that is cut leaves no manifest without its blobs. */
async function pushTag(ctx: Ctx, { parts, target, plan, tagged, progress }: TagPush): Promise<Descriptor> {
  await sendLayers(ctx, { parts, target, plan, tagged, progress });
  const sent = ({ blob }: PushBlob): Descriptor => target.sent.get(blob.digest) ?? unsent(blob.digest);
  const manifests: Manifest[] = [];
  for (const bundle of plan.bundles) {
    await sendBlob(ctx, target, { item: bundle.config, say: () => {} });
    manifests.push(bundle.manifest(sent));
  }
  const top = plan.index ?? manifests[0];
  if (top === undefined) throw notFound(`Nothing to push for ${familiar(tagged.name)}`);
  if (plan.index !== undefined) {
    for (const manifest of manifests) {
      await target.repository.putManifest(ctx, manifest.descriptor.digest, manifest);
    }
  }
  await target.repository.putManifest(ctx, tagged.name.tag, top);
  return top.descriptor;
}

/** Topmost first, as docker does, each blob once. */
async function sendLayers(ctx: Ctx, { parts, target, plan, progress }: TagPush): Promise<void> {
  const layers = new Map(
    plan.bundles.flatMap((bundle) => bundle.layers.toReversed().map((layer) => [layer.blob.digest, layer])),
  );
  const items = [...layers.values()];
  for (const { id } of items) progress({ id, status: 'Preparing', progressDetail: {} });
  await inLanes(ctx, items, {
    limit: parts.maxUploads ?? DEFAULT_UPLOADS,
    waiting: ({ id }) => progress({ id, status: 'Waiting', progressDetail: {} }),
    act: (inner, item) =>
      sendBlob(inner, target, {
        item,
        say: (message) => progress({ id: item.id, progressDetail: {}, ...message }),
      }),
  });
}

function unsent(digest: string): never {
  throw notFound(`Blob ${digest} was not pushed`);
}

/** The image is known by this digest from now on, as after a pull; it may be gone meanwhile. */
function recordDigest({ catalog }: PushParts, { image, name }: Tagged, digest: Descriptor['digest']): void {
  const known = { name: name.name, tag: undefined, digest };
  if (catalog.get(image.id) === undefined || catalog.named(known)?.id === image.id) return;
  catalog.name(image.id, known);
}
