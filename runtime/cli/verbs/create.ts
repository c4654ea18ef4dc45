import { create } from '../../container/create.ts';
import { closeConsole, openConsole } from '../../container/terminal.ts';
import { loadBundle } from '../load-config.ts';
import { verb } from '../verb.ts';
import { createFlags } from './create-flags.ts';
import { sendPidfd } from '../pidfd-socket.ts';
import { preservedFds } from '../preserved-fds.ts';

export const entry = verb({
  usage: '[OPTIONS] CONTAINER',
  flags: createFlags,
  arity: [1, 1],
  run: async ({ settings, flags, args: [id = ''] }) => {
    const { bundle, config } = loadBundle(settings, flags);
    const fds = preservedFds(flags['preserve-fds'], config.process);
    const console = openConsole({
      terminal: config.process.terminal === true,
      detached: true,
      consoleSocket: flags['console-socket'] || undefined,
    });
    const record = await create(settings, {
      id,
      bundle,
      config: { ...config, process: fds.process },
      console,
      pidFile: flags['pid-file'] || undefined,
      preserveFds: fds.count,
      noPivot: flags['no-pivot'],
      noNewKeyring: flags['no-new-keyring'],
      waits: true,
    });
    closeConsole(console);
    sendPidfd(flags['pidfd-socket'], record.init?.pid);
    return 0;
  },
});
