import { isatty } from 'node:tty';
import { invalidArgument } from '../../common/errors.ts';
import { list, text } from '../../common/flags/flag.ts';
import { defineCommand } from '../command.ts';
import { followProgress } from '../http/show-progress.ts';
import { readFile, readStdin } from '../image/archive-input.ts';
import { parseName } from '../registry/names.ts';

export const importCommand = defineCommand({
  usage: '[OPTIONS] file|URL|- [REPOSITORY[:TAG]]',
  flags: {
    change: list('Apply a Dockerfile instruction to the image', { short: 'c' }),
    message: text('Set a message for the image', { short: 'm' }),
    platform: text('Set the platform of the image (os/arch)'),
  },
  arity: [1, 2],
  run: async ({ daemon, flags, args: [source = '', name] }) => {
    const isUrl = /^https?:\/\//.test(source);
    const { repository, tag, digest } = name === undefined ? { ...NAMELESS } : parseName(name);
    if (digest !== undefined) throw invalidArgument('cannot import digest reference');
    const { body } = await daemon.send({
      method: 'POST',
      path: '/images/create',
      query: {
        fromSrc: isUrl ? source : '-',
        repo: repository,
        tag,
        message: flags.message || undefined,
        changes: flags.change,
        platform: flags.platform || undefined,
      },
      ...(isUrl ? {} : { upload: openArchive(source) }),
    });
    await followProgress(body, false);
    return 0;
  },
});

const NAMELESS = { repository: undefined, tag: undefined, digest: undefined };

function openArchive(source: string): AsyncIterable<Buffer> {
  if (source !== '-') return readFile(source);
  if (isatty(0)) throw invalidArgument('requested import from stdin, but stdin is empty');
  return readStdin();
}
