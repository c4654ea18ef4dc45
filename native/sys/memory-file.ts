import { closeSync, writeSync } from 'node:fs';
import { checked, syscallShape } from '../ffi/syscall.ts';
import { syscallNumber } from '../ffi/numbers.ts';

const MFD_CLOEXEC = 1;
const MFD_ALLOW_SEALING = 2;
const F_ADD_SEALS = 1033;
/** SEAL, SHRINK, GROW, WRITE (man 2 fcntl). */
const ALL_SEALS = 0xf;

const memfdCreate = syscallShape<[string, number]>('const char *name, int64_t flags');
const fcntl = syscallShape<[number, number, number]>('int64_t fd, int64_t command, int64_t argument');

/** A file in memory with this content, close-on-exec (man 2 memfd_create, Linux 3.17). */
export function memfd(name: string, content: Uint8Array): number {
  const fd = checked('memfd_create', name, () =>
    memfdCreate(syscallNumber('memfd_create'), name, MFD_CLOEXEC | MFD_ALLOW_SEALING),
  );
  try {
    for (let at = 0; at < content.byteLength;) at += writeSync(fd, content, at);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  return fd;
}

/** From here on nobody can change the file, not even root (man 2 fcntl, F_ADD_SEALS). */
export function sealMemfd(fd: number): void {
  checked('seal', 'memfd', () => fcntl(syscallNumber('fcntl'), fd, F_ADD_SEALS, ALL_SEALS));
}
