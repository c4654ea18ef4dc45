import { mkdir, rmdir } from 'node:fs/promises';
import { ended, eventually, exec, start } from './process.ts';

/** A directory behind a FUSE server that can be stopped: whoever asks then gets no answer. */
export interface Freezable extends AsyncDisposable {
  readonly path: string;
  freeze(): void;
  thaw(): void;
}

/** Shows `real`, which exists, at `path`, which is made. Nothing that the server knows is remembered by the kernel. */
export async function mountFreezable(real: string, path: string): Promise<Freezable> {
  await mkdir(path);
  const options = ['entry_timeout=0', 'attr_timeout=0', 'negative_timeout=0', 'dev', 'suid', 'allow_other'];
  const server = start(['bindfs', '-f', '-o', options.join(','), real, path], { stdio: 'ignore' });
  const end = ended(server);
  let isGone = false;
  await eventually('bindfs serves', async () => (await exec(['mountpoint', '-q', path])).code === 0);
  return {
    path,
    freeze: () => void server.kill('SIGSTOP'),
    thaw: () => void server.kill('SIGCONT'),
    // Once, however often it is asked for.
    [Symbol.asyncDispose]: async () => {
      if (isGone) return;
      isGone = true;
      // Who still waits gets ENOTCONN.
      server.kill('SIGKILL');
      await end;
      await exec(['umount', '-l', path]);
      await rmdir(path);
    },
  };
}
