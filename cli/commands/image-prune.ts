import { bool } from '../../common/flags/flag.ts';
import { defineCommand } from '../command.ts';
import { filtersQuery, pruneFilterFlag } from '../flags/filters.ts';
import { describePruned, type Pruned, totalLine } from '../image/pruned.ts';
import { print } from '../output.ts';
import { confirm } from '../registry/prompt.ts';

export const imagePrune = defineCommand({
  usage: '[OPTIONS]',
  flags: {
    all: bool('Remove all unused images, not just dangling ones', { short: 'a' }),
    filter: pruneFilterFlag,
    force: bool('Do not ask', { short: 'f' }),
  },
  arity: [0, 0],
  run: async ({ daemon, flags }) => {
    const what = flags.all
      ? 'WARNING! This will remove all images without at least one container associated to them.'
      : 'WARNING! This will remove all dangling images.';
    if (!flags.force && !(await confirm(what))) return 0;
    const filters = filtersQuery([...flags.filter, `dangling=${flags.all ? 'false' : 'true'}`]);
    const answer = await daemon.send({ method: 'POST', path: '/images/prune', query: { filters } });
    const pruned = JSON.parse(await answer.text()) as Pruned;
    print(describePruned(pruned) + totalLine(pruned.SpaceReclaimed ?? 0));
    return 0;
  },
});
