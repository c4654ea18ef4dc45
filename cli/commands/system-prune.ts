import { bool } from '../../common/flags/flag.ts';
import { defineCommand } from '../command.ts';
import { filtersQuery, pruneFilterFlag } from '../flags/filters.ts';
import { describePruned, type Pruned, totalLine } from '../image/pruned.ts';
import { print } from '../output.ts';
import { confirm } from '../registry/prompt.ts';

export const systemPrune = defineCommand({
  usage: '[OPTIONS]',
  flags: {
    all: bool('Remove all unused images, not just dangling ones', { short: 'a' }),
    filter: pruneFilterFlag,
    force: bool('Do not ask', { short: 'f' }),
    volumes: bool('Prune anonymous volumes'),
  },
  arity: [0, 0],
  run: async ({ daemon, flags }) => {
    if (!flags.force && !(await confirm(warning(flags)))) return 0;
    const prune = async (path: string, filters: readonly string[]): Promise<Pruned> => {
      const answer = await daemon.send({ method: 'POST', path, query: { filters: filtersQuery(filters) } });
      return JSON.parse(await answer.text()) as Pruned;
    };
    // Containers first: what they held is unused then.
    const containers = await prune('/containers/prune', flags.filter);
    const networks = await prune('/networks/prune', flags.filter);
    const volumes = flags.volumes ? [await prune('/volumes/prune', labelsOf(flags.filter))] : [];
    const images = await prune('/images/prune', [
      ...flags.filter,
      `dangling=${flags.all ? 'false' : 'true'}`,
    ]);
    const all = [containers, networks, ...volumes, images];
    print(all.map((each) => describePruned(each)).join(''));
    print(totalLine(all.reduce((sum, { SpaceReclaimed }) => sum + (SpaceReclaimed ?? 0), 0)));
    return 0;
  },
});

/** Volumes have no filter for their age. */
const labelsOf = (filters: readonly string[]): string[] =>
  filters.filter((filter) => filter.startsWith('label'));

const warning = ({
  all,
  volumes,
}: {
  readonly all: boolean;
  readonly volumes: boolean;
}): string => `WARNING! This will remove:
  - all stopped containers
  - all networks not used by at least one container
${volumes ? '  - all anonymous volumes not used by at least one container\n' : ''}  - ${all ? 'all images without at least one container associated to them' : 'all dangling images'}
`;
