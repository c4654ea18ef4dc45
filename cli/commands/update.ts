import { invalidArgument } from '../../common/errors.ts';
import { defineCommand } from '../command.ts';
import { updateBody, updateFlags } from '../container/update-body.ts';
import { print } from '../output.ts';
import { containerPath, forEach } from './each.ts';

export const update = defineCommand({
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  flags: updateFlags,
  arity: [1],
  run: async ({ daemon, flags, changed, args }) => {
    if (changed.size === 0)
      throw invalidArgument('you must provide one or more flags when using this command');
    const json = updateBody(flags, changed);
    const warnings: string[] = [];
    const status = await forEach(args, async (name) => {
      const answer = await daemon.send({ method: 'POST', path: containerPath(name, '/update'), json });
      const { Warnings } = JSON.parse(await answer.text()) as { Warnings: readonly string[] | null };
      warnings.push(...(Warnings ?? []));
    });
    if (warnings.length > 0) print(`${warnings.join('\n')}\n`);
    return status;
  },
});
