/** Kernel structures as bytes, for the arguments of plan steps. Little-endian, as every supported machine is. */
const u64s = (...values: readonly (number | bigint)[]): Uint8Array =>
  new Uint8Array(new BigUint64Array(values.map(BigInt)).buffer);

/** struct open_how, man 2 openat2. */
export const openHow = (how: { flags: number; mode?: number; resolve: number }): Uint8Array =>
  u64s(how.flags, how.mode ?? 0, how.resolve);
export const OPEN_HOW_BYTES = 24;

/** struct mount_attr, man 2 mount_setattr. */
export const mountAttr = (attr: { set?: number; clear?: number; propagation?: number }): Uint8Array =>
  u64s(attr.set ?? 0, attr.clear ?? 0, attr.propagation ?? 0, 0);
export const MOUNT_ATTR_BYTES = 32;
/** Offset of `userns_fd`. */
export const MOUNT_ATTR_USERNS = 24;

export const CLONE_ARGS_BYTES = 88;
/** Offset of `cgroup`, for CLONE_INTO_CGROUP. */
export const CLONE_ARGS_CGROUP = 80;

/** struct clone_args, man 2 clone3. */
export const cloneArgs = (flags: number | bigint, exitSignal: number): Uint8Array =>
  u64s(flags, 0, 0, 0, exitSignal, 0, 0, 0, 0, 0, 0);

/** struct rlimit64, man 2 prlimit. */
export const rlimit64 = (limit: { soft: number | bigint; hard: number | bigint }): Uint8Array =>
  u64s(limit.soft, limit.hard);

/** struct winsize, man 2 TIOCSWINSZ. */
export const winsize = (rows: number, columns: number): Uint8Array =>
  new Uint8Array(new Uint16Array([rows, columns, 0, 0]).buffer);

/** The kernel's device number of 12 bits of major and 20 of minor (include/linux/kdev_t.h, new_encode_dev). */
export const deviceNumber = (major: number, minor: number): number =>
  (minor & 0xff) + major * 0x100 + (minor >> 8) * 0x100000;
