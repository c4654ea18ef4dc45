import { isatty } from 'node:tty';
import { invalidArgument } from '../../common/errors.ts';
import { defineCommand } from '../command.ts';
import { bool, text } from '../../common/flags/flag.ts';
import { showProgress } from '../http/progress.ts';
import { readFile, readStdin } from '../image/archive-input.ts';
import { print } from '../output.ts';

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
      query: { quiet: flags.quiet || !isatty(1) ? 1 : 0, platform: await platformOf(flags.platform) },
      upload: openArchive(flags.input),
    });
    await showProgress(body, print);
    return 0;
  },
});

function openArchive(path: string): AsyncIterable<Buffer> {
  if (path !== '') return readFile(path);
  if (isatty(0)) throw invalidArgument('requested load from stdin, but stdin is empty');
  return readStdin();
}

async function platformOf(text: string): Promise<string | undefined> {
  if (text === '') return undefined;
  const { platformJson } = await import('../registry/platform.ts');
  return platformJson(text);
}
