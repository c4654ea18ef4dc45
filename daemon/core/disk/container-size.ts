import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Ctx } from '../../../common/ctx.ts';
import type { Images } from '../../../image/images.ts';
import type { Container } from '../contract.ts';
import type { ContainerSize } from './contract.ts';

/** Walks what the container wrote, which may change meanwhile; slow, so only on demand. */
export async function sizeOf(ctx: Ctx, container: Container, images: Images): Promise<ContainerSize> {
  const { upper } = container.overlay;
  const rwBytes = upper === '' ? 0 : await usedBytes(ctx, upper, new Set());
  const image = images.list().find(({ id }) => id === container.imageId);
  return { rwBytes, rootFsBytes: rwBytes + (image?.sizeBytes ?? 0) };
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
