import { closeSync, createReadStream, openSync } from 'node:fs';
import { isatty } from 'node:tty';
import { invalidArgument } from '../../common/errors.ts';
import { defineCommand } from '../command.ts';
import { fileError } from '../container/environment.ts';
import { bool, text } from '../../common/flags/flag.ts';
import { showProgress } from '../http/progress.ts';
import { print } from '../output.ts';

/** Archives are large: fewer, bigger reads. */
const READ_BYTES = 256 * 1024;

export const load = defineCommand({
  usage: '[OPTIONS]',
  flags: {
    input: text('Read from a file instead of STDIN', { short: 'i' }),
    platform: text('Load only this platform (os/arch)'),
    quiet: bool('Do not print progress', { short: 'q' }),
  },
  arity: [0, 0],
  run: async ({ daemon, flags }) => {
    const { body } = await daemon.send({
      method: 'POST',
      path: '/images/load',
      query: { quiet: flags.quiet || !isatty(1) ? 1 : 0 },
      upload: openArchive(flags.input),
    });
    await showProgress(body, print);
    return 0;
  },
});

function openArchive(path: string): AsyncIterable<Buffer> {
  if (path === '') {
    if (isatty(0)) throw invalidArgument('requested load from stdin, but stdin is empty');
    return createReadStream('', { fd: 0, highWaterMark: READ_BYTES });
  }
  // Opened here so that a missing file is told before anything is sent.
  try {
    closeSync(openSync(path, 'r'));
  } catch (error) {
    throw fileError('open', path, error);
  }
  return createReadStream(path, { highWaterMark: READ_BYTES });
}
