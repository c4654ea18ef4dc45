import { bool } from '../../../common/flags/flag.ts';
import { killContainer } from '../../container/kill.ts';
import { loadRecord } from '../../container/state-directory.ts';
import { parseSignal } from '../../container/signals.ts';
import { verb } from '../verb.ts';

export const entry = verb({
  usage: '[OPTIONS] CONTAINER [SIGNAL]',
  flags: { all: bool('Send the signal to all processes of the container', { short: 'a' }) },
  arity: [1, 2],
  // `kill ID -9`, as kill(1) has it.
  stopsAtArgument: true,
  run: async ({ settings, flags: { all }, args: [id = '', name = ''] }) => {
    const record = loadRecord(settings.root, id);
    await killContainer(settings, record, { signal: parseSignal(name === '' ? 'SIGTERM' : name), all });
    return 0;
  },
});
