import { bool } from '../../common/flags/flag.ts';
import { defineCommand } from './command.ts';
import { checkCreateArguments, createContainer } from './containers/create-container.ts';
import { deleteContainer } from './containers/delete-container.ts';
import { fullId } from './network/results.ts';
import { containerFlags } from './spec/flags.ts';
import { ioFlags, runTask } from './tasks/start.ts';

export const run = defineCommand({
  usage: '[flags] Image|RootFS ID [COMMAND] [ARG...]',
  flags: {
    rm: bool('remove the container after running, cannot be used with --detach'),
    cni: bool('enable cni networking for the container'),
    ...ioFlags,
    ...containerFlags,
  },
  run: async ({ containerd, flags, changed, args }) => {
    checkCreateArguments({ flags, args });
    if (flags.rm && flags.detach) throw new Error('flags --detach and --rm cannot be specified together');
    const join = flags.cni ? await (await import('./network/cni.ts')).defaultNetwork() : undefined;
    const container = await createContainer(containerd, { flags, changed, args });
    try {
      return await runTask(containerd, container, {
        ...{ nullIo: flags['null-io'], logUri: flags['log-uri'], fifoDirectory: flags['fifo-dir'] },
        ...{ detach: flags.detach, pidFile: flags['pid-file'] },
        join: join && ((pid) => join(fullId(containerd.namespace, container.id), pid)),
      });
    } finally {
      if (flags.rm) await deleteContainer(containerd, container.id, { keepSnapshot: false });
    }
  },
});
