import { closeSync, writeSync } from 'node:fs';
import { invalidArgument } from '../../../common/errors.ts';
import { bool, int, text } from '../../../common/flags/flag.ts';
import { destroy } from '../../container/destroy.ts';
import { loadRecord, lockContainer } from '../../container/state-directory.ts';
import { checkpoint } from '../../criu/checkpoint.ts';
import { verb } from '../verb.ts';
import { criuFlags, criuSettingsOf } from './criu-flags.ts';

export const entry = verb({
  usage: '[OPTIONS] CONTAINER',
  flags: {
    ...criuFlags,
    'parent-path': text('Images of an earlier pre-dump, relative to the image path'),
    'leave-running': bool('Let the container go on'),
    'tcp-skip-in-flight': bool('Leave TCP connections out that are not established yet'),
    'link-remap': bool('Allow links to files that were unlinked'),
    'status-fd': int('Descriptor that gets a zero byte when lazy pages can be asked for'),
    'page-server': text('ADDRESS:PORT of the page server'),
    'pre-dump': bool('Dump memory alone, and let the container go on'),
  },
  arity: [1, 1],
  run: async ({ settings, flags, args: [id = ''] }) => {
    const { 'leave-running': leaveRunning, 'pre-dump': preDump } = flags;
    const pageServer = readPageServer(flags['page-server']);
    const statusFd = checkStatusFd(flags['status-fd']);
    using _ = lockContainer(settings.root, id);
    const record = loadRecord(settings.root, id);
    checkpoint(settings, record, {
      ...criuSettingsOf(flags),
      parent: flags['parent-path'] || undefined,
      leaveRunning,
      preDump,
      tcpSkipInFlight: flags['tcp-skip-in-flight'],
      linkRemap: flags['link-remap'],
      pageServer,
      onLazyPages: () => {
        if (statusFd === undefined) return;
        writeSync(statusFd, Buffer.alloc(1));
        closeSync(statusFd);
      },
    });
    if (!leaveRunning && !preDump) await destroy(settings, record);
    return 0;
  },
});

/** Throws `invalid-argument` in runc's words. */
function readPageServer(given: string): { address: string; port: number } | undefined {
  if (given === '') return undefined;
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(.+)$/.exec(given);
  const address = match?.[1] ?? match?.[2];
  if (match === null || address === undefined)
    throw invalidArgument('Use --page-server ADDRESS:PORT to specify page server');
  const port = Number(match[3]);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw invalidArgument('Invalid port number');
  return { address, port };
}

/** One of Node's own is none that the caller can mean. */
function checkStatusFd(fd: number | undefined): number | undefined {
  if (fd === undefined || fd === -1) return undefined;
  const isOpen = fd <= 2 || (process.env['WHERRY_OPEN_FDS'] ?? '').includes(`,${fd},`);
  if (!isOpen) throw invalidArgument(`invalid --status-fd argument ${fd}: it is not open`);
  return fd;
}
