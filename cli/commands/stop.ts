import { defineCommand } from '../command.ts';
import { int, text } from '../../common/flags/flag.ts';
import { containerPath, forEach } from './each.ts';

const flags = {
  signal: text('Signal to send to the container', { short: 's' }),
  timeout: int('Seconds to wait before killing the container', { short: 't', also: ['time'] }),
};

const ending = (verb: 'stop' | 'restart') =>
  defineCommand({
    usage: '[OPTIONS] CONTAINER [CONTAINER...]',
    flags,
    arity: [1],
    run: ({ daemon, flags, args }) =>
      forEach(args, (name) =>
        daemon.send({
          method: 'POST',
          path: containerPath(name, `/${verb}`),
          query: { signal: flags.signal || undefined, t: flags.timeout },
        }),
      ),
  });

export const stop = ending('stop');
export const restart = ending('restart');
