import { randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import type { LoadedFile } from './contract.ts';

/** The lines of a compressed file in a file of their own beside it, which has no name any more. */
export async function unpack(path: string): Promise<LoadedFile> {
  const temporary = `${path}.${randomUUID()}.tmp`;
  const handle = await open(temporary, 'wx+', 0o600);
  try {
    await rm(temporary);
    await pipeline(
      createReadStream(path),
      createGunzip(),
      createWriteStream('', { fd: handle.fd, start: 0, autoClose: false }),
    );
    const { size } = await handle.stat();
    return { handle, sizeBytes: size };
  } catch (error) {
    await handle.close();
    throw error;
  }
}
