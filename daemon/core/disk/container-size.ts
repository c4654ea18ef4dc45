import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Ctx } from '../../../common/ctx.ts';
import { codeOf, messageOf } from '../../../common/errors.ts';
import type { Container } from '../contract.ts';
import type { Core } from '../core.ts';
import type { ContainerSize } from './contract.ts';

/** Walks what the container wrote, which may change meanwhile; slow, so only on demand. */
export async function sizeOf(
  { images, snapshots }: Pick<Core, 'images' | 'snapshots'>,
  ctx: Ctx,
  container: Container,
): Promise<ContainerSize> {
  const rwBytes = await writtenBytes(snapshots, ctx, container);
  const image = images.list().find(({ id }) => id === container.imageId);
  return { rwBytes, rootFsBytes: rwBytes + (image?.sizeBytes ?? 0) };
}

/** One that goes away meanwhile, or can't be looked into, hides no other's. */
async function writtenBytes(
  snapshots: Core['snapshots'],
  ctx: Ctx,
  { id, overlay }: Container,
): Promise<number> {
  if (overlay.upper === '') return 0;
  try {
    await using opened = await snapshots.open(ctx, overlay);
    return await usedBytes(ctx, opened.upper, new Set());
  } catch (error) {
    ctx.check();
    if (codeOf(error) !== 'not-found')
      ctx.log.warn('Cannot measure a container', { container: id, error: messageOf(error) });
    return 0;
  }
}

/** Sums what is no directory, hard links once, as docker does. What goes away meanwhile counts nothing. */
export async function usedBytes(ctx: Ctx, directory: string, seen: Set<bigint>): Promise<number> {
  ctx.check();
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  let total = 0;
  for (const entry of entries) {
    const path = join(directory, entry.name);
    total += await (entry.isDirectory() ? usedBytes(ctx, path, seen) : ownBytes(path, seen));
  }
  return total;
}

async function ownBytes(path: string, seen: Set<bigint>): Promise<number> {
  const stat = await lstat(path, { bigint: true }).catch(() => undefined);
  if (stat === undefined || seen.has(stat.ino)) return 0;
  if (stat.nlink > 1n) seen.add(stat.ino);
  return Number(stat.size);
}
