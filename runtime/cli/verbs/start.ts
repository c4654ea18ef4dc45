import { start } from '../../container/start.ts';
import { loadRecord, lockContainer } from '../../container/state-directory.ts';
import { verb } from '../verb.ts';

export const entry = verb({
  usage: 'CONTAINER',
  flags: {},
  arity: [1, 1],
  run: async ({ settings, args: [id = ''] }) => {
    using _ = lockContainer(settings.root, id);
    await start(settings, loadRecord(settings.root, id));
    return 0;
  },
});
