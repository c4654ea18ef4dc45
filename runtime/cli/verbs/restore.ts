import { bool, text } from '../../../common/flags/flag.ts';
import { destroy } from '../../container/destroy.ts';
import { closeConsole, openConsole } from '../../container/terminal.ts';
import { restore } from '../../criu/restore.ts';
import { prepareToStand, standFor } from '../foreground.ts';
import { loadBundle } from '../load-config.ts';
import { verb } from '../verb.ts';
import { criuFlags, criuSettingsOf } from './criu-flags.ts';

export const entry = verb({
  usage: '[OPTIONS] CONTAINER',
  flags: {
    ...criuFlags,
    'console-socket': text('Socket that gets the container’s terminal'),
    bundle: text('Directory of the bundle', { short: 'b', shown: '.' }),
    detach: bool('Detach from the container’s process', { short: 'd' }),
    'pid-file': text('File that gets the process id'),
    'no-subreaper': bool('Do not become the parent of processes that the container orphans'),
    'no-pivot': bool('Known for runc’s sake: CRIU enters the root in its own way'),
    'lsm-profile': text('Profile of the security module, TYPE:NAME'),
    'lsm-mount-context': text('Security context of mounts'),
  },
  arity: [1, 1],
  run: async ({ settings, flags, args: [id = ''] }) => {
    const criu = criuSettingsOf(flags);
    const { bundle, config } = loadBundle(settings, { bundle: flags.bundle, config: '' });
    const { detach } = flags;
    const console = openConsole({
      terminal: config.process.terminal === true,
      detached: detach,
      consoleSocket: flags['console-socket'] || undefined,
    });
    if (!detach) prepareToStand();
    const record = await restore(settings, {
      ...criu,
      id,
      bundle,
      config,
      console,
      pidFile: flags['pid-file'] || undefined,
      lsmProfile: flags['lsm-profile'] || undefined,
      lsmMountContext: flags['lsm-mount-context'] || undefined,
    });
    closeConsole(console);
    if (detach || record.init === undefined) return 0;
    const code = await standFor(record.init.pid, console);
    await destroy(settings, record);
    return code;
  },
});
