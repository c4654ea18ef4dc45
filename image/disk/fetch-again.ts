import { readFile, writeFile } from '../../common/patient-fs.ts';
import type { Ctx } from '../../common/ctx.ts';
import { internal, messageOf, notFound } from '../../common/errors.ts';
import type { Digest } from '../digest.ts';
import { parseDocument } from '../manifest.ts';
import type { StoreParts } from '../parts.ts';
import type { Descriptor, RegistryClient, RegistryHosts } from '../registry/contract.ts';
import type { ImageId } from '../snapshots.ts';
import { layerBlobs } from './usage.ts';

/** Where blobs come from; undefined parts of a store that knows no registries. */
export interface Origins {
  readonly hosts: RegistryHosts;
  readonly registry: RegistryClient;
}

interface Wanted {
  readonly digest: Digest;
  /** Images that have it. */
  readonly images: readonly ImageId[];
  /** Gets it; does not exist. */
  readonly file: string;
}

/**
 * Fetches a blob once more from the repositories that its images were pulled from, without credentials: those are never kept. What
 * comes is verified. Throws why it does not come.
 */
export async function fetchAgain(
  parts: StoreParts,
  origins: Origins | undefined,
  { ctx, ...wanted }: Wanted & { readonly ctx: Ctx },
): Promise<void> {
  const failures: string[] = [];
  for (const id of wanted.images) {
    for (const { repository } of origins === undefined ? [] : parts.catalog.sources(id)) {
      try {
        await fetchFrom(parts, ctx, { ...wanted, id, repository, origins: origins as Origins });
        return;
      } catch (error) {
        ctx.check();
        failures.push(`${repository}: ${messageOf(error)}`);
      }
    }
  }
  throw failures.length === 0
    ? notFound('it is not known where it came from')
    : internal(failures.join('; '));
}

interface Source extends Wanted {
  readonly id: ImageId;
  /** Complete. */
  readonly repository: string;
  readonly origins: Origins;
}

async function fetchFrom(parts: StoreParts, ctx: Ctx, source: Source): Promise<void> {
  const { digest, file, repository: name, id, origins } = source;
  if (!layerBlobs(parts, id).includes(digest)) {
    const { descriptor, bytes } = await origins.registry
      .repository(name, 'pull', undefined)
      .manifest(ctx, digest);
    if (descriptor.digest !== digest) throw internal(`the registry has ${descriptor.digest} there`);
    await writeFile(file, bytes, { mode: 0o600 });
    return;
  }
  const blob = await layerDescriptor(parts, source);
  const endpoints = await origins.hosts.endpoints(name.slice(0, name.indexOf('/')));
  const from = { name, endpoints, credentials: undefined };
  await parts.downloads.fetch(ctx, { kind: 'fetch', file, blob, from, layer: undefined }, () => {});
}

/** Its size stands in the manifest, which is checked before the layers. */
async function layerDescriptor(
  { catalog, content }: StoreParts,
  { id, digest }: Source,
): Promise<Descriptor> {
  const manifest = catalog.get(id)?.descriptor;
  if (manifest === undefined) throw notFound('its manifest is not kept');
  const bytes = await readFile(content.path(manifest.digest as Digest));
  const descriptor = { ...manifest, digest: manifest.digest as Digest };
  const document = parseDocument({ descriptor, bytes });
  const layers = document.kind === 'image' ? document.layers : [];
  const found = layers.find((layer) => layer.digest === digest);
  if (found === undefined) throw notFound(`the manifest ${manifest.digest} does not name it`);
  return found;
}
