import type { Random } from './random.ts';
import type { Member } from './tarball.ts';

const WORDS = ['a', 'b', 'c', 'd', '..', '.', '', '.wh.a', '.wh.b', '.wh..wh..opq', '.wh..wh.plnk', '.wh.'];

/**
 * A layer as an attacker might write it: few names, so that they meet; every type; links to each other and to `targets`, which are
 * paths of the host; headers with what does not belong there.
 */
export function randomLayer(random: Random, targets: readonly string[]): Member[] {
  const count = 1 + random.below(random.once(6) ? 60 : 12);
  // Most are refused at their first bad name: the tame ones get further, to the order of things and to links in the way.
  const wildness = random.pick([3, 12, 60, 400]);
  return Array.from({ length: count }, () => randomMember({ ...random, wildness }, targets));
}

interface Wild extends Random {
  /** Once in how many times something does not belong there. */
  readonly wildness: number;
}

function randomMember(random: Wild, targets: readonly string[]): Member {
  const type = random.pick([
    '0',
    '0',
    '0',
    '1',
    '1',
    '2',
    '2',
    '2',
    '3',
    '4',
    '5',
    '5',
    '5',
    '6',
    '7',
    'g',
    'S',
  ]);
  const name = random.once(random.wildness) ? outside(random, targets) : inside(random);
  const member: Member = {
    name: type === '5' && !random.once(4) ? `${name}/` : name,
    type,
    linkName: random.pick([
      () => random.pick(targets),
      () => inside(random),
      () => `../../../${inside(random)}`,
      () => random.pick(['..', '/', '.', '', '/proc/self/root', '/proc/self/cwd', 'a/../..']),
    ])(),
    mode: random.below(0o10000),
    uid: random.pick([0, 0, 1000, 4_294_967_294]),
    gid: random.pick([0, 0, 1000]),
    mtime: random.pick([0, 1_700_000_000, -1, 8_589_934_592]),
    ...(type === '3' || type === '4' ? { major: random.below(300), minor: random.below(70_000) } : {}),
    ...(['0', '7'].includes(type) ? { data: random.text(random.pick([0, 1, 511, 512, 513, 3000])) } : {}),
  };
  const pax = randomPax(random, targets);
  return pax === undefined ? member : { ...member, pax };
}

/** Mostly one or two names deep. */
function inside(random: Wild): string {
  const name = Array.from({ length: 1 + random.below(4) }, () =>
    random.once(2 * random.wildness) ? random.pick(WORDS) : random.pick(['a', 'b', 'c', 'd']),
  ).join('/');
  return name === '' ? 'a' : name;
}

function outside(random: Wild, targets: readonly string[]): string {
  const target = random.pick(targets);
  return random.pick([
    () => target,
    () => `..${target}`,
    () => `${inside(random)}/../../../..${target}`,
    () => `${'../'.repeat(random.below(12))}${target.slice(1)}`,
    () => `a${target}`,
    () => `.wh.${target}`,
    () => `${'a/'.repeat(random.pick([10, 10, 10, 10, 10, 300, 5000]))}f`,
    () => random.text(1 + random.below(40)).replaceAll('\0', '?'),
    () => 'n'.repeat(300),
  ])();
}

function randomPax(random: Wild, targets: readonly string[]): Record<string, string> | undefined {
  if (!random.once(random.wildness)) return undefined;
  const value = (): string =>
    random.pick([
      () => random.pick(targets),
      () => inside(random),
      () => String(random.below(1 << 30)),
      () => random.text(random.below(30)),
      () => '',
      () => '1.5',
    ])();
  const key = (): string =>
    random.pick([
      ...['path', 'linkpath', 'size', 'uid', 'gid', 'mtime', 'atime', 'SCHILY.xattr.user.a', 'comment'],
      ...['SCHILY.xattr.trusted.overlay.opaque', 'SCHILY.xattr.trusted.overlay.redirect'],
      ...[
        'SCHILY.xattr.security.capability',
        'SCHILY.xattr.system.posix_acl_default',
        'SCHILY.xattr.nonsense',
      ],
      ...['GNU.sparse.map', 'GNU.sparse.size', 'GNU.sparse.major', 'GNU.sparse.minor', 'GNU.sparse.name'],
      ...['GNU.sparse.realsize', 'GNU.sparse.numbytes'],
    ]);
  return Object.fromEntries(Array.from({ length: 1 + random.below(3) }, () => [key(), value()]));
}
