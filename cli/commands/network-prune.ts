import { bool } from '../../common/flags/flag.ts';
import { defineCommand } from '../command.ts';
import { filtersQuery, pruneFilterFlag } from '../flags/filters.ts';
import { print } from '../output.ts';
import { confirm } from '../registry/prompt.ts';

const WARNING = 'WARNING! This will remove all custom networks not used by at least one container.';

export const networkPrune = defineCommand({
  usage: '[OPTIONS]',
  flags: { filter: pruneFilterFlag, force: bool('Do not ask', { short: 'f' }) },
  arity: [0, 0],
  run: async ({ daemon, flags }) => {
    if (!flags.force && !(await confirm(WARNING))) return 0;
    const filters = filtersQuery(flags.filter);
    const answer = await daemon.send({ method: 'POST', path: '/networks/prune', query: { filters } });
    const { NetworksDeleted } = JSON.parse(await answer.text()) as { NetworksDeleted: string[] | null };
    const removed = NetworksDeleted ?? [];
    if (removed.length > 0) print(`Deleted Networks:\n${removed.join('\n')}\n\n`);
    return 0;
  },
});
