import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Images } from '../../../image/images.ts';
import type { Container } from '../../core/contract.ts';
import type { ContainerSize } from './convert/container.ts';

/** Bytes that a container wrote, and those with its image; slow, so only on demand. */
export async function sizeOf(container: Container, images: Images): Promise<ContainerSize> {
  const rwBytes = await usedBytes(container.overlay.upper, new Set());
  const image = images.list().find(({ id }) => id === container.imageId);
  return { rwBytes, rootFsBytes: rwBytes + (image?.sizeBytes ?? 0) };
}

/** Sums regular files, hard links once. What goes away meanwhile counts nothing. */
async function usedBytes(directory: string, seen: Set<bigint>): Promise<number> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  let total = 0;
  for (const entry of entries) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) total += await usedBytes(path, seen);
    else if (entry.isFile()) total += await fileBytes(path, seen);
  }
  return total;
}

async function fileBytes(path: string, seen: Set<bigint>): Promise<number> {
  const stat = await lstat(path, { bigint: true }).catch(() => undefined);
  if (stat === undefined || seen.has(stat.ino)) return 0;
  if (stat.nlink > 1n) seen.add(stat.ino);
  return Number(stat.size);
}
