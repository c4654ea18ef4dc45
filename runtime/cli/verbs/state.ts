import { stateOf } from '../../container/state.ts';
import { loadRecord } from '../../container/state-directory.ts';
import { print } from '../output.ts';
import { verb } from '../verb.ts';

export const entry = verb({
  usage: 'CONTAINER',
  flags: {},
  arity: [1, 1],
  run: ({ settings, args: [id = ''] }) => {
    print(`${JSON.stringify(stateOf(settings, loadRecord(settings.root, id)), undefined, 2)}\n`);
    return 0;
  },
});
