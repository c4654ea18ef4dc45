import { bool } from '../../common/flags/flag.ts';
import { defineCommand } from '../command.ts';
import { filtersQuery, pruneFilterFlag } from '../flags/filters.ts';
import { describePruned, type Pruned, totalLine } from '../image/pruned.ts';
import { print } from '../output.ts';
import { confirm } from '../registry/prompt.ts';

export const containerPrune = defineCommand({
  usage: '[OPTIONS]',
  flags: { filter: pruneFilterFlag, force: bool('Do not ask', { short: 'f' }) },
  arity: [0, 0],
  run: async ({ daemon, flags }) => {
    const what = 'WARNING! This will remove all stopped containers.';
    if (!flags.force && !(await confirm(what))) return 0;
    const filters = filtersQuery(flags.filter);
    const answer = await daemon.send({ method: 'POST', path: '/containers/prune', query: { filters } });
    const pruned = JSON.parse(await answer.text()) as Pruned;
    print(describePruned(pruned) + totalLine(pruned.SpaceReclaimed ?? 0));
    return 0;
  },
});
