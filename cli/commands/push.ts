import { invalidArgument } from '../../common/errors.ts';
import { bool, text } from '../../common/flags/flag.ts';
import { defineCommand } from '../command.ts';
import { followProgress } from '../http/show-progress.ts';
import { print } from '../output.ts';
import { registryHeaders } from '../registry/credentials.ts';
import { completeName, parseName } from '../registry/names.ts';
import { platformJson } from '../registry/platform.ts';

export const push = defineCommand({
  usage: '[OPTIONS] NAME[:TAG]',
  flags: {
    'all-tags': bool('Push all tags of the repository', { short: 'a' }),
    'disable-content-trust': bool('Accepted for compatibility', { initial: true, shown: 'true' }),
    platform: text('Push only the image for this platform (os/arch)'),
    quiet: bool('Do not print progress', { short: 'q' }),
  },
  arity: [1, 1],
  run: async ({ daemon, flags, args: [image = ''] }) => {
    const name = parseName(image);
    const { repository, tag, digest } = name;
    const allTags = flags['all-tags'];
    if (digest !== undefined) throw invalidArgument('cannot push a digest reference');
    if (allTags && tag !== undefined) throw invalidArgument("tag can't be used with --all-tags/-a");
    if (tag === undefined && !allTags && !flags.quiet) print('Using default tag: latest\n');
    const { body } = await daemon.send({
      method: 'POST',
      path: `/images/${encodeURIComponent(repository)}/push`,
      query: { tag: allTags ? undefined : (tag ?? 'latest'), platform: platformJson(flags.platform) },
      headers: await registryHeaders(repository),
    });
    await followProgress(body, flags.quiet);
    const whole = completeName(name);
    if (flags.quiet) print(`${allTags ? whole.slice(0, whole.lastIndexOf(':')) : whole}\n`);
    return 0;
  },
});
