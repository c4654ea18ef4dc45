import {
  appendFileSync,
  chmodSync,
  chownSync,
  closeSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { AT_FDCWD, isErrno, mknodAt, setXattrFd, S_IFCHR, S_IFIFO } from '../../../../native/sys/files.ts';
import type { Random } from '../../../lib/random.ts';
import type { Member } from '../../../lib/tarball.ts';

/** Few, so that changes meet what is there. */
const NAMES = ['a', 'b', 'c', 'dir', '\xc3\xa4', '\xff\xfe', 'with space\n', 'n'.repeat(130), '.hidden'];
/** Symbolic links lead into the tree or here, where nothing can be made. */
const NOWHERE = '/proc/wherry/x';

/** Version 2; then tag, permissions and id of each entry: owner, user 1, group, mask, others. */
const ACL = Buffer.concat([
  Buffer.from([2, 0, 0, 0]),
  ...[
    [1, 6, 255],
    [2, 6, 1],
    [4, 4, 255],
    [16, 6, 255],
    [32, 4, 255],
  ].map(([tag = 0, mode = 0, id = 0]) =>
    Buffer.from([tag, 0, mode, 0, ...(id === 255 ? [255, 255, 255, 255] : [id, 0, 0, 0])]),
  ),
]);

const randomPath = (random: Random): string =>
  Array.from({ length: 1 + random.below(3) }, () => random.pick(NAMES)).join('/');

/**
 * A layer as a tar may have it, with whiteouts and opaque directories of what is `below`: a whiteout of nothing is a name that
 * overlayfs lists and does not find.
 */
export function randomMembers(random: Random, below: readonly Member[]): Member[] {
  const old = new Map(below.map((member) => [member.name.replace(/\/$/, ''), member.type]));
  const members = new Map<string, Member>();
  const add = (member: Member): void => void members.set(member.name.replace(/\/$/, ''), member);
  const attributes = (): Partial<Member> => ({
    uid: random.pick([0, 1000, 3_000_000]),
    gid: random.pick([0, 5]),
    mtime: 1_600_000_000 + random.below(1000),
    pax: random.once(3) ? { 'SCHILY.xattr.user.base': random.text(5).replaceAll('\0', 'x') } : {},
  });
  for (let count = 0; count < 12; count += 1) {
    const path = randomPath(random);
    const parts = path.split('/');
    const above = parts.map((_, index) => parts.slice(0, index).join('/')).filter((name) => name !== '');
    if (above.some((name) => members.has(name) && members.get(name)?.type !== '5')) continue;
    const whiteout = [...parts.slice(0, -1), `.wh.${parts.at(-1)}`].join('/');
    if (members.has(path) || members.has(whiteout)) continue;
    if (above.some((name) => members.has(name.replace(/[^/]*$/, '.wh.$&')))) continue;
    for (const name of above) if (!members.has(name)) add({ name: `${name}/`, type: '5', ...attributes() });
    const isOpaque = above.some((name) => members.has(`${name}/.wh..wh..opq`) || old.get(name) !== '5');
    if (old.has(path) && !isOpaque && random.once(4)) add({ name: whiteout });
    else if (random.once(3)) {
      add({ name: `${path}/`, type: '5', mode: random.pick([0o755, 0o1777, 0o2750]), ...attributes() });
      if (old.get(path) === '5' && !isOpaque && random.once(3)) add({ name: `${path}/.wh..wh..opq` });
    } else if (random.once(6)) add({ name: path, type: '2', linkName: random.pick(['dir', 'a', NOWHERE]) });
    else if (random.once(8)) add({ name: path, type: '3', major: 1, minor: 3, mode: 0o666 });
    else {
      const mode = random.pick([0o644, 0o4755, 0o600]);
      add({ name: path, type: '0', mode, data: random.bytes(random.below(2000)), ...attributes() });
      const other = `${randomPath(random)}.link`;
      if (random.once(3) && !other.includes('/') && !members.has(other))
        add({ name: other, type: '1', linkName: path, pax: { linkpath: path } });
    }
  }
  return [...members.values()];
}

type Change = (random: Random, at: (path: string) => Buffer) => void;

/** The path again, unless it leads to a FIFO or a device: to open one waits, or does something. */
function plain(path: Buffer): Buffer {
  const status = statSync(path, { throwIfNoEntry: false });
  const isPlain = status === undefined || status.isFile() || status.isDirectory();
  return isPlain ? path : Buffer.from('/proc/wherry/x');
}

const withFd = (path: Buffer, act: (fd: number) => void): void => {
  const fd = openSync(plain(path), 'r');
  try {
    act(fd);
  } finally {
    closeSync(fd);
  }
};

/** What programs in a container do, each to random names. */
const CHANGES: readonly Change[] = [
  (random, at) => writeFileSync(plain(at(randomPath(random))), random.bytes(random.below(3000))),
  (random, at) => appendFileSync(plain(at(randomPath(random))), 'more'),
  (random, at) => truncateSync(plain(at(randomPath(random))), random.below(5_000_000)),
  (random, at) => mkdirSync(at(randomPath(random))),
  (random, at) => mkdirSync(at(`${randomPath(random)}/new/deep`), { recursive: true }),
  (random, at) => rmSync(at(randomPath(random)), { recursive: true }),
  (random, at) => rmSync(at(randomPath(random)), { recursive: true }),
  (random, at) => {
    const path = at(randomPath(random));
    rmSync(path, { recursive: true });
    mkdirSync(path);
    if (random.once(2)) writeFileSync(Buffer.concat([path, Buffer.from('/again')]), 'x');
  },
  (random, at) => renameSync(at(randomPath(random)), at(randomPath(random))),
  (random, at) => renameSync(at(randomPath(random)), at(randomPath(random))),
  (random, at) => chmodSync(at(randomPath(random)), random.pick([0o700, 0o4711, 0o1777, 0o640])),
  (random, at) => chownSync(at(randomPath(random)), random.below(70000), random.below(70000)),
  (random, at) => lutimesSync(at(randomPath(random)), 1, 1_234_567_890.123_456),
  (random, at) => symlinkSync(random.pick(['dir', 'a', NOWHERE]), at(randomPath(random))),
  (random, at) => linkSync(at(randomPath(random)), at(randomPath(random))),
  (random, at) =>
    mknodAt(AT_FDCWD, at(randomPath(random)), {
      mode: S_IFCHR | 0o620,
      major: 5,
      minor: random.below(70000),
    }),
  (random, at) => mknodAt(AT_FDCWD, at(randomPath(random)), { mode: S_IFIFO | 0o600, major: 0, minor: 0 }),
  (random, at) =>
    withFd(at(random.pick(['dir', 'a', 'b/c', 'b'])), (fd) =>
      setXattrFd(fd, { name: 'user.set', value: random.bytes(9) }),
    ),
  (random, at) =>
    withFd(at(random.pick(['dir', 'a', 'b/c', 'b'])), (fd) =>
      setXattrFd(fd, { name: 'system.posix_acl_access', value: ACL }),
    ),
  (_random, at) => chmodSync(at('.'), 0o711),
];

const EXPECTED = [
  ...['ENOENT', 'EEXIST', 'EXDEV', 'ENOTEMPTY', 'ENOTDIR', 'EISDIR', 'EINVAL', 'ELOOP', 'EPERM'],
  ...['ENXIO', 'ENODEV', 'EOPNOTSUPP', 'ERR_FS_EISDIR'],
];

/** Changes a tree at random. What does not work is left. */
export function changeTree(random: Random, root: string, times: number): void {
  const at = (path: string): Buffer => Buffer.from(`${root}/${path}`, 'latin1');
  for (let count = 0; count < times; count += 1) {
    try {
      random.pick(CHANGES)(random, at);
    } catch (error) {
      if (!isErrno(error, ...EXPECTED)) throw error;
    }
  }
}
