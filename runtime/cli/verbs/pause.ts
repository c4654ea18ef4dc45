import { conflict } from '../../../common/errors.ts';
import { freeze } from '../../cgroup/live/freezer.ts';
import { loadRecord, lockContainer } from '../../container/state-directory.ts';
import { statusOf } from '../../container/status.ts';
import { verb } from '../verb.ts';

export const entry = verb({
  usage: 'CONTAINER',
  flags: {},
  arity: [1, 1],
  run: async ({ settings, args: [id = ''] }) => {
    using _ = lockContainer(settings.root, id);
    const record = loadRecord(settings.root, id);
    const status = statusOf(settings, record);
    if (status !== 'running' && status !== 'created') throw conflict('container not running');
    if (record.cgroups === undefined) throw conflict('cannot pause a container without cgroups');
    await freeze(record.cgroups);
    return 0;
  },
});
