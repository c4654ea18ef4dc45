import { join } from 'node:path';
import { access, writeFile } from '../../common/patient-fs.ts';
import type { Ctx } from '../../common/ctx.ts';
import { messageOf } from '../../common/errors.ts';
import { isErrno } from '../../native/sys/files.ts';
import { sha256, type Digest } from '../digest.ts';
import type { Damage } from '../disk.ts';
import type { StoreParts } from '../parts.ts';
import type { ImageId } from '../snapshots.ts';
import { fetchAgain, type Origins } from './fetch-again.ts';

interface BlobCheck {
  readonly digest: Digest;
  readonly images: readonly ImageId[];
  readonly repair: boolean;
  readonly origins: Origins | undefined;
}

/** Hashes a blob; undefined when it is whole. */
export async function checkBlob(parts: StoreParts, ctx: Ctx, blob: BlobCheck): Promise<Damage | undefined> {
  const { digest, images, repair } = blob;
  const problem = await problemOf(parts, ctx, digest);
  if (problem === undefined) return undefined;
  const damage = { what: 'blob', digest, images, problem, repaired: false } as const;
  if (!repair) return damage;
  try {
    await restore(parts, ctx, blob);
    return { ...damage, repaired: true };
  } catch (error) {
    ctx.check();
    return { ...damage, problem: `${problem}; it cannot be restored: ${messageOf(error)}` };
  }
}

async function problemOf(
  { content, workers, recipes, rebuilt }: StoreParts,
  ctx: Ctx,
  digest: Digest,
): Promise<string | undefined> {
  if (content.size(digest) === undefined && recipes.get(digest) !== undefined) {
    return rebuilt.problem(ctx, digest);
  }
  const path = content.path(digest);
  try {
    await access(path);
    const actual = await workers.run(ctx, { kind: 'digest', path });
    return actual === digest ? undefined : `"${path}" is damaged, its digest is ${actual}`;
  } catch (error) {
    ctx.check();
    return isErrno(error, 'ENOENT')
      ? `"${path}" is missing`
      : `"${path}" cannot be read: ${messageOf(error)}`;
  }
}

/** Puts a whole blob in the place of a damaged or missing one: configurations from their rows, others from where they came. */
async function restore(parts: StoreParts, ctx: Ctx, { digest, images, origins }: BlobCheck): Promise<void> {
  const { content, db, recipes, workers } = parts;
  await using incoming = await content.ingest();
  const path = join(incoming.directory, 'blob');
  const row = db.prepare('SELECT config FROM image_config WHERE id = ?').get(digest);
  if (row !== undefined && sha256(String(row['config'])) === digest) {
    await writeFile(path, String(row['config']), { flush: true });
  } else {
    await fetchAgain(parts, origins, { ctx, digest, images, file: path });
  }
  await workers.run(ctx, { kind: 'sync', path: incoming.directory });
  await content.replace(ctx, path, digest);
  await recipes.remove(digest);
}
