import { join } from 'node:path';
import { arch } from 'node:process';
import type { Readable } from 'node:stream';
import type { Ctx } from '../../common/ctx.ts';
import { invalidArgument } from '../../common/errors.ts';
import { VERSION } from '../../common/version.ts';
import type { ImportRequest } from '../archives.ts';
import { applyChanges } from '../changes/apply.ts';
import { parseTarget } from '../find.ts';
import { goArchitecture } from '../manifest.ts';
import type { StoreParts } from '../parts.ts';
import { familiar } from '../reference.ts';
import type { ImageId } from '../snapshots.ts';
import { announceName, publishImage } from './publish.ts';

/** Archives.importRoot: the archive, as it is, is the layer. */
export async function importRoot(
  parts: StoreParts,
  ctx: Ctx,
  { archive, request }: { readonly archive: Readable; readonly request: ImportRequest },
): Promise<ImageId> {
  const name = request.reference === undefined ? undefined : parseTarget(request.reference);
  const config = applyChanges({}, request.changes);
  const platform = platformOf(request.platform);
  await using incoming = await parts.content.ingest();
  const { directory } = incoming;
  const file = join(directory, 'layer');
  // The stream is the caller's: it may still have an answer to send on it.
  const input = archive.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>;
  const blob = await parts.spoolers.run(ctx, { kind: 'pack', file, from: undefined }, input);
  const created = new Date().toISOString();
  const comment = request.message === '' ? {} : { comment: request.message };
  const id = await publishImage(parts, ctx, {
    directory,
    config: {
      architecture: platform.architecture,
      ...comment,
      config,
      created,
      docker_version: VERSION,
      history: [{ created, ...comment }],
      os: platform.os,
      rootfs: { type: 'layers', diff_ids: [blob.diffId] },
      ...(platform.variant === undefined ? {} : { variant: platform.variant }),
    },
    below: [],
    layer: { file, blob },
    name,
  });
  announceName(parts, id, name);
  parts.onEvent('import', id, name === undefined ? id : familiar(name));
  return id;
}

interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant: string | undefined;
}

/** `os[/architecture[/variant]]`; this machine's by default. */
function platformOf(text: string | undefined): Platform {
  const own = goArchitecture(arch);
  const parts = (text ?? '').toLowerCase().split('/');
  if (parts.length > 3 || !parts.every((part) => /^[a-z0-9_.-]*$/.test(part))) {
    throw invalidArgument(`"${text}" is an invalid platform specifier`);
  }
  const [first = '', architecture = own, variant] = parts;
  if (first !== '' && first !== 'linux') throw invalidArgument(`operating system is not supported: ${first}`);
  return { os: 'linux', architecture, variant };
}
