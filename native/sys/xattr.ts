import { constants } from 'node:os';
import { syscallNumber } from '../ffi/numbers.ts';
import { checked, syscallShape } from '../ffi/syscall.ts';

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

const listFd = syscallShape<[number, Uint8Array | null, number]>('int64_t fd, void *list, int64_t size');
const getFd = syscallShape<[number, Uint8Array, Uint8Array | null, number]>(
  'int64_t fd, const void *name, void *value, int64_t size',
);

/** All extended attributes of an open file or directory; names are byte strings (latin1). man 2 flistxattr, fgetxattr. */
export function xattrsOfFd(fd: number): Map<string, Uint8Array> {
  const subject = `descriptor ${fd}`;
  const length = (value: Uint8Array | null): number =>
    listFd(syscallNumber('flistxattr'), fd, value, value?.byteLength ?? 0);
  if (length(null) === -constants.errno.EOPNOTSUPP) return new Map();
  const names = sized('flistxattr', subject, length).toString('latin1').split('\0').slice(0, -1);
  return new Map(
    names.map((name) => {
      const key = Buffer.from(`${name}\0`, 'latin1');
      const get = (value: Uint8Array | null): number =>
        getFd(syscallNumber('fgetxattr'), fd, key, value, value?.byteLength ?? 0);
      return [name, sized('fgetxattr', name, get)];
    }),
  );
}

/** What `read` says of its size when asked with nothing, and then writes. */
function sized(call: string, subject: string, read: (into: Uint8Array | null) => number): Buffer {
  const into = Buffer.alloc(checked(call, subject, () => read(null)));
  if (into.byteLength === 0) return into;
  return into.subarray(
    0,
    checked(call, subject, () => read(into)),
  );
}

const listAt = syscallShape<[Uint8Array, Uint8Array | null, number]>(
  'const void *path, void *list, int64_t size',
);
const getAt = syscallShape<[Uint8Array, Uint8Array, Uint8Array | null, number]>(
  'const void *path, const void *name, void *value, int64_t size',
);

const pathAt = (fd: number, name: Uint8Array): Uint8Array =>
  Buffer.concat([Buffer.from(`/proc/self/fd/${fd}/`), name, Buffer.alloc(1)]);

/** All extended attributes of `name` in the open directory `fd`, of a symbolic link itself. man 2 llistxattr, lgetxattr. */
export function xattrsAt(fd: number, name: Uint8Array): Map<string, Uint8Array> {
  const path = pathAt(fd, name);
  const length = (value: Uint8Array | null): number =>
    listAt(syscallNumber('llistxattr'), path, value, value?.byteLength ?? 0);
  if (length(null) === -constants.errno.EOPNOTSUPP) return new Map();
  const names = sized('llistxattr', Buffer.from(name).toString(), length)
    .toString('latin1')
    .split('\0')
    .slice(0, -1);
  return new Map(names.map((key) => [key, xattrAt(fd, name, key) ?? new Uint8Array(0)]));
}

/** One extended attribute of `name` in the open directory `fd`; undefined when it has none of this name. man 2 lgetxattr. */
export function xattrAt(fd: number, name: Uint8Array, attribute: string): Uint8Array | undefined {
  const path = pathAt(fd, name);
  const key = Buffer.from(`${attribute}\0`, 'latin1');
  const get = (value: Uint8Array | null): number =>
    getAt(syscallNumber('lgetxattr'), path, key, value, value?.byteLength ?? 0);
  const found = get(null);
  if (found === -constants.errno.ENODATA || found === -constants.errno.EOPNOTSUPP) return undefined;
  return sized('lgetxattr', attribute, get);
}
