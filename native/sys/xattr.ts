import { syscallNumber } from '../ffi/numbers.ts';
import { syscallShape } from '../ffi/syscall.ts';

const getXattr = syscallShape<[string, string, Uint8Array, number]>(
  'const char *path, const char *name, void *value, int64_t size',
);

/** Whether a file, not followed when it is a symbolic link, has this extended attribute with this value. man 2 lgetxattr. */
export function hasXattr(
  path: string,
  attribute: { readonly name: string; readonly value: string },
): boolean {
  const { name, value } = attribute;
  const found = Buffer.alloc(value.length + 1);
  const bytes = getXattr(syscallNumber('lgetxattr'), path, name, found, found.byteLength);
  return bytes === value.length && found.toString('latin1', 0, bytes) === value;
}
