import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Place } from '../lib/place.ts';
import { execOk } from '../lib/process.ts';
import { findProgram } from '../lib/requires.ts';
import { median, timed } from './statistics.ts';

const ROUNDS = 15;

/** The median of `runc run` of `true`, whole processes, without a network, an image or a log, in ms; undefined without runc. */
export async function runcRun(place: Place): Promise<number | undefined> {
  const runc = findProgram('runc');
  if (runc === undefined) return undefined;
  const bundle = join(place.directory, 'bundle');
  await mkdir(join(bundle, 'rootfs/bin'), { recursive: true });
  await copyFile('/bin/busybox', join(bundle, 'rootfs/bin/busybox'));
  await execOk([runc, 'spec', '--bundle', bundle]);
  await adapt(join(bundle, 'config.json'), `${place.cgroupParent}/runc`);
  const times: number[] = [];
  for (let round = -1; round < ROUNDS; round++) {
    const argv = [
      runc,
      '--root',
      join(place.directory, 'runc'),
      'run',
      '--bundle',
      bundle,
      `bench${round + 1}`,
    ];
    times.push(await timed(() => execOk(argv)));
  }
  return median(times.slice(1));
}

async function adapt(file: string, cgroupsPath: string): Promise<void> {
  const spec = JSON.parse(await readFile(file, 'utf8')) as {
    process: { args: string[]; terminal: boolean };
    linux: Record<string, unknown>;
  };
  spec.process.args = ['/bin/busybox', 'true'];
  spec.process.terminal = false;
  // Otherwise it nests below the cgroup of whoever calls.
  spec.linux['cgroupsPath'] = cgroupsPath;
  await writeFile(file, JSON.stringify(spec));
}
