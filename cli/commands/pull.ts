import { invalidArgument } from '../../common/errors.ts';
import { bool, text } from '../../common/flags/flag.ts';
import { defineCommand } from '../command.ts';
import { print } from '../output.ts';
import { completeName, parseName } from '../registry/names.ts';
import { pullImage } from '../registry/pull.ts';

export const pull = defineCommand({
  usage: '[OPTIONS] NAME[:TAG|@DIGEST]',
  flags: {
    'all-tags': bool('Pull all tags of the repository', { short: 'a' }),
    'disable-content-trust': bool('Accepted for compatibility', { initial: true, shown: 'true' }),
    platform: text('Pull the image for this platform (os/arch)'),
    quiet: bool('Do not print progress', { short: 'q' }),
  },
  arity: [1, 1],
  run: async ({ daemon, flags, args: [image = ''] }) => {
    const name = parseName(image);
    const nameOnly = name.tag === undefined && name.digest === undefined;
    const allTags = flags['all-tags'];
    if (allTags && !nameOnly) throw invalidArgument("tag can't be used with --all-tags/-a");
    if (nameOnly && !allTags && !flags.quiet) print('Using default tag: latest\n');
    await pullImage(daemon, image, { allTags, platform: flags.platform, quiet: flags.quiet });
    const whole = completeName(name);
    print(`${allTags ? whole.slice(0, whole.lastIndexOf(':')) : whole}\n`);
    return 0;
  },
});
