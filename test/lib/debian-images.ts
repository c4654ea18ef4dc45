import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rm } from 'node:fs/promises';
import type { Daemon } from './daemon.ts';
import { execOk } from './process.ts';
import { findProgram } from './requires.ts';

const SCRIPT = fileURLToPath(new URL('debian-images/images.sh', import.meta.url));

/** Makes these images of test/lib/debian-images/images.sh, `NAME:debian`. */
export async function importDebianImages(daemon: Daemon, names: readonly string[]): Promise<void> {
  const directory = daemon.directory;
  const docker = dirname(findProgram('docker') ?? '');
  const PATH = [process.env['PATH'], '/usr/sbin', '/sbin', docker].join(delimiter);
  await execOk(['sh', SCRIPT, directory, ...names], { timeoutMs: 120_000, env: { ...process.env, PATH } });
  for (const name of names) {
    const archive = join(directory, `${name}.tar`);
    const changes = name === 'ryuk' ? ['-c', 'CMD ["/bin/ryuk"]'] : [];
    await daemon.dockerOk('import', ...changes, archive, `${name}:debian`);
    await rm(archive);
  }
}
