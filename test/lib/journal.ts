import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { ended, eventually, execOk, start } from './process.ts';

/** A systemd-journald, where the host would have its own. */
export interface Journal extends AsyncDisposable {
  /** The fields of the entries that match (`FIELD=value`), in their order. */
  entries(match: string): Promise<readonly Readonly<Record<string, string>>[]>;
}

const PLACE = '/run/systemd/journal';
/** In a mount namespace of its own it has a directory of ours for its sockets and one for its files, and nothing else of the host's. */
const SCRIPT = `
mount -t tmpfs none /run/systemd; mkdir ${PLACE}; mount --bind "$1/sockets" ${PLACE}
mkdir -p /run/log; mount -t tmpfs none /run/log; mkdir /run/log/journal; mount --bind "$1/files" /run/log/journal
mount -t tmpfs none /var/log; mount --bind /dev/null /dev/kmsg
exec /lib/systemd/systemd-journald`;

/** Resolves when it listens. The path that the daemon knows leads to it until it is disposed of. */
export async function startJournal(): Promise<Journal> {
  const directory = await mkdtemp('/tmp/w-journal-');
  const sockets = join(directory, 'sockets');
  await Promise.all([
    mkdir(sockets),
    mkdir(join(directory, 'files')),
    mkdir('/run/systemd', { recursive: true }),
  ]);
  const child = start(['unshare', '-m', 'sh', '-ec', SCRIPT, 'sh', directory], { stdio: 'ignore' });
  await eventually('the journal listens', () => existsSync(join(sockets, 'socket')));
  await symlink(sockets, PLACE);
  return {
    entries: async (match) => {
      const words = ['-D', join(directory, 'files'), '--no-pager', '--all', '-o', 'json', match];
      const text = await execOk(['journalctl', ...words]);
      const lines = text.split('\n').filter((line) => line.startsWith('{'));
      return lines.map((line) => JSON.parse(line) as Record<string, string>);
    },
    [Symbol.asyncDispose]: async () => {
      await unlink(PLACE);
      child.kill('SIGKILL');
      await ended(child);
      await rm(directory, { recursive: true, force: true });
    },
  };
}
