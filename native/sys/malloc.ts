import { loadLibrary } from '../ffi/library.ts';

/** Returns what libc's allocator holds free to the kernel (man 3 malloc_trim). Takes a millisecond or so. */
export function trimMalloc(): void {
  const trim = loadLibrary('libc.so.6').func('int malloc_trim(size_t pad)') as (pad: number) => number;
  trim(0);
}
