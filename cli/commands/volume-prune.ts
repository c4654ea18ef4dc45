import { bool } from '../../common/flags/flag.ts';
import { defineCommand } from '../command.ts';
import { filtersQuery, pruneFilterFlag } from '../flags/filters.ts';
import { describePruned, type Pruned, totalLine } from '../image/pruned.ts';
import { print } from '../output.ts';
import { confirm } from '../registry/prompt.ts';

export const volumePrune = defineCommand({
  usage: '[OPTIONS]',
  flags: {
    all: bool('Remove all unused volumes, not just anonymous ones', { short: 'a' }),
    filter: pruneFilterFlag,
    force: bool('Do not ask', { short: 'f' }),
  },
  arity: [0, 0],
  run: async ({ daemon, flags }) => {
    const which = flags.all ? 'all local volumes' : 'anonymous local volumes';
    const what = `WARNING! This will remove ${which} not used by at least one container.`;
    if (!flags.force && !(await confirm(what))) return 0;
    const filters = filtersQuery([...flags.filter, ...(flags.all ? ['all=true'] : [])]);
    const answer = await daemon.send({ method: 'POST', path: '/volumes/prune', query: { filters } });
    const pruned = JSON.parse(await answer.text()) as Pruned;
    print(describePruned(pruned) + totalLine(pruned.SpaceReclaimed ?? 0));
    return 0;
  },
});
