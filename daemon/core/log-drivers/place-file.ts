import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import type { Place } from './contract.ts';

const RECORD_BYTES = 96;

/** Where a container's forwarder keeps how far it came: beside the log, so that it lives as long. */
export interface PlaceFile extends AsyncDisposable {
  /** Of the last daemon; undefined when nothing was delivered yet. */
  readonly place: Place | undefined;
  /** One small write: a daemon that is killed has saved it or not, and never a part. */
  save(place: Place): Promise<void>;
}

export const placePath = (logPath: string): string => `${logPath}.sent`;

export async function openPlaceFile(logPath: string): Promise<PlaceFile> {
  const handle = await open(placePath(logPath), constants.O_RDWR | constants.O_CREAT, 0o600);
  return {
    place: await readPlace(handle),
    save: async ({ birthNs, inode, position }) => {
      const record = Buffer.from(`${birthNs} ${inode} ${position}`.padEnd(RECORD_BYTES - 1) + '\n');
      await handle.write(record, 0, RECORD_BYTES, 0);
    },
    [Symbol.asyncDispose]: () => handle.close(),
  };
}

async function readPlace(handle: FileHandle): Promise<Place | undefined> {
  const block = Buffer.alloc(RECORD_BYTES);
  await handle.read(block, 0, RECORD_BYTES, 0);
  const match = /^(\d+) (\d+) (\d+) *\n$/.exec(block.toString('latin1'));
  const [, birthNs, inode, position] = match ?? [];
  if (birthNs === undefined || inode === undefined || position === undefined) return undefined;
  return { birthNs: BigInt(birthNs), inode: BigInt(inode), position: Number(position) };
}
