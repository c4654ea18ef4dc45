import { join, resolve } from 'node:path';
import { bool, list, text } from '../../../common/flags/flag.ts';
import type { Values } from '../../../common/flags/flag.ts';
import { readCgroupsMode, type CriuSettings } from '../../criu/checkpoint.ts';
import { findCriu } from '../../criu/process.ts';

/** What `checkpoint` and `restore` have in common. */
export const criuFlags = {
  'image-path': text('Directory of the checkpoint’s images', { shown: './checkpoint' }),
  'work-path': text('Directory of CRIU’s log', { shown: 'the image path' }),
  'tcp-established': bool('Allow open TCP connections'),
  'ext-unix-sk': bool('Allow unix sockets whose other end is outside'),
  'shell-job': bool('Allow a terminal and a session from outside'),
  'lazy-pages': bool('Bring memory when it is needed, by userfaultfd'),
  'file-locks': bool('Handle file locks'),
  'manage-cgroups-mode': text('How CRIU handles cgroups: soft, full, strict or ignore', { shown: 'soft' }),
  'empty-ns': list('A namespace whose properties are not restored: network', {
    check: (name) => {
      if (name === 'network') return name;
      throw new Error(`namespace ${JSON.stringify(name)} is not supported`);
    },
  }),
  'auto-dedup': bool('Free what a later dump has anew'),
};

/** Throws `invalid-argument`, or `unavailable` without CRIU. */
export function criuSettingsOf(flags: Values<typeof criuFlags>): CriuSettings {
  const images = flags['image-path'];
  return {
    program: findCriu(),
    images: images === '' ? join(process.cwd(), 'checkpoint') : resolve(images),
    work: flags['work-path'] === '' ? undefined : resolve(flags['work-path']),
    cgroupsMode: readCgroupsMode(flags['manage-cgroups-mode']),
    tcpEstablished: flags['tcp-established'],
    extUnixSk: flags['ext-unix-sk'],
    shellJob: flags['shell-job'],
    fileLocks: flags['file-locks'],
    autoDedup: flags['auto-dedup'],
    lazyPages: flags['lazy-pages'],
  };
}
