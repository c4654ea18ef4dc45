import { readFile } from 'node:fs/promises';
export const busyboxArchive = (): Promise<Uint8Array> => readFile('/tmp/w/busybox.tar');
