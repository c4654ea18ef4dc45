import { bool } from '../../../common/flags/flag.ts';
import { create } from '../../container/create.ts';
import { destroy } from '../../container/destroy.ts';
import { start } from '../../container/start.ts';
import { closeConsole, openConsole } from '../../container/terminal.ts';
import type { Hooks } from '../../spec.ts';
import { prepareToStand, standFor } from '../foreground.ts';
import { loadBundle } from '../load-config.ts';
import { sendPidfd } from '../pidfd-socket.ts';
import { preservedFds } from '../preserved-fds.ts';
import { verb } from '../verb.ts';
import { createFlags } from './create-flags.ts';

export const entry = verb({
  usage: '[OPTIONS] CONTAINER',
  flags: {
    ...createFlags,
    detach: bool('Detach from the container’s process', { short: 'd' }),
    keep: bool('Do not delete the container after it has ended'),
    'no-subreaper': bool('Do not become the parent of processes that the container orphans'),
  },
  arity: [1, 1],
  run: async ({ settings, flags, args: [id = ''] }) => {
    const { bundle, config } = loadBundle(settings, flags);
    const { detach, keep } = flags;
    const fds = preservedFds(flags['preserve-fds'], config.process);
    const console = openConsole({
      terminal: config.process.terminal === true,
      detached: detach,
      consoleSocket: flags['console-socket'] || undefined,
    });
    // Also with --no-subreaper: the launcher makes the process, and ours it has to be.
    if (!detach) prepareToStand();
    const waits = needsWait(config.hooks);
    const record = await create(settings, {
      id,
      bundle,
      config: { ...config, process: fds.process },
      console,
      pidFile: flags['pid-file'] || undefined,
      preserveFds: fds.count,
      noPivot: flags['no-pivot'],
      noNewKeyring: flags['no-new-keyring'],
      waits,
    });
    closeConsole(console);
    sendPidfd(flags['pidfd-socket'], record.init?.pid);
    if (waits) await start(settings, record);
    if (detach || record.init === undefined) return 0;
    const code = await standFor(record.init.pid, console);
    if (!keep) await destroy(settings, record);
    return code;
  },
});

/** Without hooks between create and start nobody has to wait for them. */
const needsWait = ({ startContainer = [], poststart = [] }: Hooks = {}): boolean =>
  startContainer.length + poststart.length > 0;
