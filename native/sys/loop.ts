import { constants as fs, fstatSync, readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { unavailable } from '../../common/errors.ts';
import { syscallNumber } from '../ffi/numbers.ts';
import { checked, syscallShape } from '../ffi/syscall.ts';
import { AT_FDCWD, closeFd, isErrno, openAt } from './files.ts';

/** Loop devices: block devices that are a file. All of it blocks. man 4 loop, linux/loop.h; LOOP_CONFIGURE is Linux 5.8. */
const LOOP_CTL_GET_FREE = 0x4c82;
const LOOP_CONFIGURE = 0x4c0a;
const LOOP_GET_STATUS64 = 0x4c05;
const LO_FLAGS_AUTOCLEAR = 4;
/** Of struct loop_config: the descriptor, the size of a block, struct loop_info64, and what is reserved. */
const CONFIG_BYTES = 304;
const INFO_AT = 8;
const INFO_BYTES = 232;
/** Of struct loop_info64. */
const INODE_AT = 8;
const FLAGS_AT = 52;
const NAME_AT = 56;
const NAME_BYTES = 64;
const LOCK_EX = 2;
/** Others take devices as well, between the answer which one is free and its use. */
const ATTEMPTS = 64;
export const LOOP_CONTROL = '/dev/loop-control';
const BLOCK_DEVICES = '/sys/block';

const control = syscallShape<[number, number, number]>('int64_t fd, int64_t request, int64_t argument');
const ioctl = syscallShape<[number, number, Uint8Array]>('int64_t fd, int64_t request, void *argument');
const lock = syscallShape<[number, number]>('int64_t fd, int64_t operation');

/** An open loop device; it stays that of its file until this is disposed, and for as long as it is mounted. */
export interface LoopDevice extends Disposable {
  /** `/dev/loop0`. */
  readonly path: string;
}

/**
 * The loop device of a file: the one that it has already, since two of them would be two file systems that don't know of each other, or
 * a free one. It is free again when nobody has it open or mounted any more, however that came.
 */
export function attachLoop(file: string): LoopDevice {
  // An open file of its own: a lock lives as long as the open file, and the one that the device has lives as long as the device.
  const locked = openAt(AT_FDCWD, file, { flags: fs.O_RDONLY });
  try {
    checked('flock', file, () => lock(syscallNumber('flock'), locked, LOCK_EX));
    return attachedTo(file, identityOf(locked)) ?? attachFree(file);
  } finally {
    closeFd(locked);
  }
}

interface Identity {
  readonly device: bigint;
  readonly inode: bigint;
}

/** Numbers of devices are coded alike in both (huge_encode_dev and makedev), up to 4095 majors. */
function identityOf(fd: number): Identity {
  const { dev, ino } = fstatSync(fd, { bigint: true });
  return { device: dev, inode: ino };
}

function attachedTo(path: string, { device, inode }: Identity): LoopDevice | undefined {
  for (const name of readdirSync(BLOCK_DEVICES)) {
    const fd = isNamedLike(path, name) ? openDevice(name) : undefined;
    if (fd === undefined) continue;
    // Asked of what is open, which can't become another file's any more.
    const file = fileOf(fd);
    if (file?.device === device && file.inode === inode) return opened(fd, name);
    closeFd(fd);
  }
  return undefined;
}

/** Those of others are not touched. The rest of a path may be another one in another mount namespace. */
function isNamedLike(path: string, name: string): boolean {
  if (!name.startsWith('loop')) return false;
  try {
    const file = readFileSync(`${BLOCK_DEVICES}/${name}/loop/backing_file`, 'utf8');
    return basename(file.trim()) === basename(path);
  } catch {
    // It is attached to nothing.
    return false;
  }
}

/** Undefined: it is gone. To read, since udev looks into what was open to be written. */
function openDevice(name: string): number | undefined {
  try {
    return openAt(AT_FDCWD, `/dev/${name}`, { flags: fs.O_RDONLY });
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENXIO', 'ENODEV', 'EBUSY')) return undefined;
    throw error;
  }
}

function fileOf(fd: number): Identity | undefined {
  const info = Buffer.alloc(INFO_BYTES);
  if (ioctl(syscallNumber('ioctl'), fd, LOOP_GET_STATUS64, info) < 0) return undefined;
  return { device: info.readBigUInt64LE(0), inode: info.readBigUInt64LE(INODE_AT) };
}

function attachFree(file: string): LoopDevice {
  const backing = openAt(AT_FDCWD, file, { flags: fs.O_RDWR });
  try {
    for (let attempt = 1; attempt < ATTEMPTS; attempt += 1) {
      const device = tryAttach(backing, file);
      if (device !== undefined) return device;
    }
    throw unavailable(`Cannot attach a loop device to "${file}": each free one was taken by somebody else`);
  } finally {
    closeFd(backing);
  }
}

/** Undefined: somebody else was faster. */
function tryAttach(backing: number, file: string): LoopDevice | undefined {
  const name = `loop${freeNumber()}`;
  const fd = openAt(AT_FDCWD, `/dev/${name}`, { flags: fs.O_RDWR });
  try {
    configure(fd, backing, file);
    return opened(fd, name);
  } catch (error) {
    closeFd(fd);
    if (isErrno(error, 'EBUSY')) return undefined;
    throw error;
  }
}

function freeNumber(): number {
  const fd = openAt(AT_FDCWD, LOOP_CONTROL, { flags: fs.O_RDWR });
  try {
    return checked('find a free', 'loop device', () =>
      control(syscallNumber('ioctl'), fd, LOOP_CTL_GET_FREE, 0),
    );
  } finally {
    closeFd(fd);
  }
}

function configure(fd: number, backing: number, file: string): void {
  const config = Buffer.alloc(CONFIG_BYTES);
  config.writeUInt32LE(backing, 0);
  config.writeUInt32LE(LO_FLAGS_AUTOCLEAR, INFO_AT + FLAGS_AT);
  // For people: losetup and sysfs know the path by themselves.
  config.write(file.slice(-(NAME_BYTES - 1)), INFO_AT + NAME_AT, NAME_BYTES - 1, 'latin1');
  checked('attach a loop device to', file, () => ioctl(syscallNumber('ioctl'), fd, LOOP_CONFIGURE, config));
}

const opened = (fd: number, name: string): LoopDevice => ({
  path: `/dev/${name}`,
  [Symbol.dispose]: () => closeFd(fd),
});
