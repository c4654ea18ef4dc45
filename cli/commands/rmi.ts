import { codeOf, messageOf } from '../../common/errors.ts';
import { defineCommand } from '../command.ts';
import { bool, list } from '../../common/flags/flag.ts';
import { print, printError } from '../output.ts';
import { platformJson } from '../registry/platform.ts';

interface Deletion {
  readonly Deleted?: string;
  readonly Untagged?: string;
}

export const rmi = defineCommand({
  usage: '[OPTIONS] IMAGE [IMAGE...]',
  flags: {
    force: bool('Remove the image by force', { short: 'f' }),
    'no-prune': bool('Keep untagged parents'),
    platform: list('Remove only what is for a platform (os/arch/variant)', { type: 'strings' }),
  },
  arity: [1],
  run: async ({ daemon, flags, args }) => {
    const failures: unknown[] = [];
    const wanted = flags.platform.flatMap((given) => given.split(','));
    const platforms = wanted.flatMap((platform) => platformJson(platform) ?? []);
    for (const image of args) {
      try {
        const answer = await daemon.send({
          method: 'DELETE',
          path: `/images/${encodeURIComponent(image)}`,
          query: {
            force: flags.force ? 1 : undefined,
            noprune: flags['no-prune'] ? 1 : undefined,
            platforms,
          },
        });
        print((JSON.parse(await answer.text()) as Deletion[]).map((deletion) => lineOf(deletion)).join(''));
      } catch (error) {
        failures.push(error);
      }
    }
    printError(failures.map((failure) => `${messageOf(failure)}\n`).join(''));
    return failures.length === 0 || (flags.force && failures.every((error) => codeOf(error) === 'not-found'))
      ? 0
      : 1;
  },
});

const lineOf = ({ Deleted, Untagged }: Deletion): string =>
  Deleted === undefined ? `Untagged: ${Untagged}\n` : `Deleted: ${Deleted}\n`;
