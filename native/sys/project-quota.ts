import { constants } from 'node:os';
import { syscallNumber } from '../ffi/numbers.ts';
import { checked, syscallShape } from '../ffi/syscall.ts';

/**
 * Projects: numbers that directories hand down to what is made in them, by which ext4 and xfs count and limit what they occupy. All of it
 * blocks. Descriptors are of directories. Numbers: linux/fs.h (struct fsxattr), linux/dqblk_xfs.h, linux/quota.h; man 2 quotactl.
 */
const FS_IOC_FSGETXATTR = 0x801c581f;
const FS_IOC_FSSETXATTR = 0x401c5820;
const FSXATTR_BYTES = 28;
const PROJECT_AT = 12;
const FS_XFLAG_PROJINHERIT = 0x200;

const PRJQUOTA = 2;
const Q_XGETQUOTA = 0x5803;
const Q_XSETQLIM = 0x5804;
const Q_XGETQSTAT = 0x5805;
const FS_QUOTA_PDQ_ENFD = 0x20;
const STAT_BYTES = 80;

const DISK_QUOTA_BYTES = 112;
const FS_DQUOT_VERSION = 1;
const FS_PROJ_QUOTA = 2;
const FS_DQ_BSOFT = 4;
const FS_DQ_BHARD = 8;
/** Of limits and usage. */
const BLOCK_BYTES = 512;

const ioctl = syscallShape<[number, number, Buffer]>('int64_t fd, int64_t request, void *argument');
const quota = syscallShape<[number, number, number, Buffer]>(
  'int64_t fd, int64_t command, int64_t id, void *argument',
);

const command = (name: number): number => name * 256 + PRJQUOTA;

/** The project of what is open; 0, which is none, also where the file system knows no projects. */
export function projectOf(fd: number): number {
  const attributes = Buffer.alloc(FSXATTR_BYTES);
  const result = ioctl(syscallNumber('ioctl'), fd, FS_IOC_FSGETXATTR, attributes);
  if (result < 0 && UNKNOWN.has(-result)) return 0;
  checked('ask for the project of', `descriptor ${fd}`, () => result);
  return attributes.readUInt32LE(PROJECT_AT);
}

const UNKNOWN: ReadonlySet<number> = new Set(
  (['ENOTTY', 'EOPNOTSUPP', 'EINVAL', 'ENOSYS'] as const).map((name) => constants.errno[name]),
);

/** Gives an empty directory a project, which all that is made in it gets too. */
export function setProject(fd: number, project: number): void {
  const attributes = Buffer.alloc(FSXATTR_BYTES);
  checked('ask for the project of', `descriptor ${fd}`, () =>
    ioctl(syscallNumber('ioctl'), fd, FS_IOC_FSGETXATTR, attributes),
  );
  attributes.writeUInt32LE((attributes.readUInt32LE(0) | FS_XFLAG_PROJINHERIT) >>> 0, 0);
  attributes.writeUInt32LE(project, PROJECT_AT);
  checked('set a project', String(project), () =>
    ioctl(syscallNumber('ioctl'), fd, FS_IOC_FSSETXATTR, attributes),
  );
}

/** Whether the file system holds projects to their limits. False before Linux 5.14, which has no quotactl_fd. */
export function limitsProjects(fd: number): boolean {
  const state = Buffer.alloc(STAT_BYTES);
  const result = quota(syscallNumber('quotactl_fd'), fd, command(Q_XGETQSTAT), 0, state);
  return result === 0 && (state.readUInt16LE(2) & FS_QUOTA_PDQ_ENFD) !== 0;
}

/** 0: none any more. At least one block otherwise. */
export function setProjectLimit(
  fd: number,
  { project, sizeBytes }: { readonly project: number; readonly sizeBytes: number },
): void {
  const blocks = BigInt(Math.ceil(sizeBytes / BLOCK_BYTES));
  const limits = Buffer.alloc(DISK_QUOTA_BYTES);
  limits.writeInt8(FS_DQUOT_VERSION, 0);
  limits.writeInt8(FS_PROJ_QUOTA, 1);
  limits.writeUInt16LE(FS_DQ_BSOFT | FS_DQ_BHARD, 2);
  limits.writeUInt32LE(project, 4);
  limits.writeBigUInt64LE(blocks, 8);
  limits.writeBigUInt64LE(blocks, 16);
  checked('limit project', String(project), () =>
    quota(syscallNumber('quotactl_fd'), fd, command(Q_XSETQLIM), project, limits),
  );
}

/** Undefined for a project that nobody has ever limited and nothing belongs to. */
export function projectUsage(
  fd: number,
  project: number,
): { readonly limitBytes: number; readonly usedBytes: number; readonly inodes: number } | undefined {
  const found = Buffer.alloc(DISK_QUOTA_BYTES);
  const result = quota(syscallNumber('quotactl_fd'), fd, command(Q_XGETQUOTA), project, found);
  if (result === -constants.errno.ENOENT || result === -constants.errno.ESRCH) return undefined;
  checked('ask for the quota of project', String(project), () => result);
  const number = (at: number): number => Number(found.readBigUInt64LE(at));
  const usage = {
    limitBytes: number(8) * BLOCK_BYTES,
    usedBytes: number(40) * BLOCK_BYTES,
    inodes: number(48),
  };
  return Object.values(usage).every((value) => value === 0) ? undefined : usage;
}
