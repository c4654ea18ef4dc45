import assert from 'node:assert/strict';
import { constants as fs, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { argv } from 'node:process';
import { Readable } from 'node:stream';
import { copyIn } from '../../image/copy/in.ts';
import { copyOut } from '../../image/copy/out.ts';
import { withRoot } from '../../image/copy/root.ts';
import { statusOf } from '../../image/copy/status.ts';
import type { CopyRoot } from '../../image/copy/contract.ts';
import { AT_FDCWD, closeFd, O_PATH, openAt } from '../../native/sys/files.ts';
import { exchangeAt, SECRET, setTrap, trapIn, type LinkKind } from './exchange-at.ts';
import { fingerprint } from './fingerprint.ts';
import { tarball, type Member } from './tarball.ts';

/**
 * Copies out of and into a container's root, over and over, with two names of a volume exchanged at each of the system calls in
 * turn. A program of its own, since exchange-at.c runs it; prints at how many calls that was.
 */
const [, , directory = ''] = argv;
const trap = trapIn(directory);
const root = join(directory, 'root');
/** Made in the bait, under names that begin with `at`. */
const below = (at: string): readonly Member[] => [
  { name: `${at}planted`, data: 'x' },
  { name: `${at}new/deep/planted`, data: 'x', mode: 0o4755 },
  { name: `${at}fifo`, type: '6', mode: 0o666 },
  { name: `${at}hard`, type: '1', linkName: `${at}file` },
  { name: `${at}soft`, type: '2', linkName: 'file' },
  { name: `${at}up`, data: 'x' },
  { name: `${at}deep/`, mode: 0o777, mtime: 1 },
];
/** Made in the bait's own place. */
const instead: readonly Member[] = [
  { name: 'bait/', mode: 0o777, mtime: 1 },
  { name: 'bait', type: '6', mode: 0o666 },
  { name: 'bait', data: 'x', mode: 0o666 },
  { name: 'bait/', mode: 0o777, mtime: 1 },
];
/** A runaway would have more. */
const MAX_CALLS = 1000;
const OPTIONS = { owner: { uid: 12, gid: 34 }, keepKinds: false };

/** Returns what comes out. */
type Copy = (fd: number) => Promise<string>;

const out =
  (path: string): Copy =>
  async (fd) =>
    Buffer.concat([...copyOut(fd, path)]).toString('latin1');

const into =
  (path: string, members: readonly Member[]): Copy =>
  async (fd) => {
    const input = Readable.from([tarball(members)]);
    await copyIn(fd, { options: { ...OPTIONS, path }, input, signal: new AbortController().signal });
    return '';
  };

const status =
  (path: string): Copy =>
  async (fd) =>
    JSON.stringify(statusOf(fd, path));

/** As a running container's is: all is there. */
async function inDirectory(copy: Copy): Promise<string> {
  const fd = openAt(AT_FDCWD, directory, { flags: O_PATH | fs.O_DIRECTORY });
  try {
    return await copy(fd);
  } finally {
    closeFd(fd);
  }
}

/** One that does not run is mounted first: a volume, and a part of it inside what is exchanged. */
const inStopped = (copy: Copy): Promise<string> => withRoot(stopped(), copy);

const stopped = (): CopyRoot => ({
  kind: 'stopped',
  staging: join(directory, 'staging'),
  overlay: { lower: [join(root, 'lower')], upper: join(root, 'upper'), work: join(root, 'work') },
  writable: true,
  readOnlyRoot: false,
  mounts: [],
  binds: [
    { source: trap.volume, subpath: '', destination: '/volume', readOnly: false },
    { source: trap.volume, subpath: 'bait/in', destination: '/volume/bait/made/here', readOnly: false },
  ],
});

const STORIES: Readonly<Record<string, () => Promise<string>>> = {
  'out of a directory': () => inDirectory(out('/volume/bait/')),
  'out of what is around it': () => inDirectory(out('/volume/.')),
  'a file': () => inDirectory(out('/volume/bait/file')),
  'the status of a file': () => inDirectory(status('/volume/bait/in/file')),
  'into a directory': () => inDirectory(into('/volume/bait', below(''))),
  'into what is around it': () => inDirectory(into('/volume', below('bait/'))),
  'in its place': () => inDirectory(into('/volume', instead)),
  'into one that it makes': () => {
    rmSync(trap.bait, { recursive: true });
    return inDirectory(into('/volume', [{ name: 'bait/planted', data: 'x' }]));
  },
  'out of one that does not run': () => inStopped(out('/volume/bait/')),
  'into one that does not run': () => inStopped(into('/volume', [{ name: 'bait/planted', data: 'x' }])),
};

/** Of as many copies as there are calls to exchange the names at, and one where none is left. Returns how many. */
async function everywhere(act: () => Promise<string>, kind: LinkKind): Promise<number> {
  const before = fingerprint(trap.canary);
  for (let call = 1; call < MAX_CALLS; call += 1) {
    rmSync(root, { recursive: true, force: true });
    for (const name of ['lower', 'upper', 'work']) mkdirSync(join(root, name), { recursive: true });
    setTrap(trap, kind);
    exchangeAt(call);
    const [copied] = await Promise.allSettled([act()]);
    const left = exchangeAt(0);
    const text = copied.status === 'fulfilled' ? copied.value : String(copied.reason);
    assert.doesNotMatch(text, new RegExp(SECRET), `${kind} link at call ${call}`);
    assert.equal(fingerprint(trap.canary), before, `${kind} link at call ${call}`);
    if (left === 0) continue;
    assert.equal(copied.status, 'fulfilled', text);
    return call - 1;
  }
  return assert.fail('there are always more');
}

mkdirSync(join(directory, 'staging'), { recursive: true });
for (const [name, act] of Object.entries(STORIES)) {
  for (const kind of ['absolute', 'upwards'] as const) {
    try {
      console.log(`${name}, ${kind} link: ${await everywhere(act, kind)} calls`);
    } catch (error) {
      throw new Error(name, { cause: error });
    }
  }
}
