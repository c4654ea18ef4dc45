import { bool } from '../../../common/flags/flag.ts';
import { conflict } from '../../../common/errors.ts';
import { signalAll } from '../../container/cgroups.ts';
import { signalProcess } from '../../container/kill.ts';
import { loadRecord } from '../../container/state-directory.ts';
import { parseSignal } from '../../container/signals.ts';
import { verb } from '../verb.ts';

export default verb({
  usage: '[OPTIONS] CONTAINER [SIGNAL]',
  flags: { all: bool('Send the signal to all processes of the container', { short: 'a' }) },
  arity: [1, 2],
  run: async ({ settings, flags: { all }, args: [id = '', name = 'SIGTERM'] }) => {
    const signal = parseSignal(name);
    const { init, cgroups } = loadRecord(settings.root, id);
    if (all) {
      if (cgroups.path !== undefined) await signalAll(settings.layout, cgroups.path, signal);
      return 0;
    }
    if (init === undefined || !signalProcess(init, signal)) throw conflict('container not running');
    return 0;
  },
});
