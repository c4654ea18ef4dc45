import { defineCommand } from '../command.ts';
import { inspectContainer } from '../container/inspect.ts';
import { bool, text } from '../../common/flags/flag.ts';
import { timestampOf } from '../format/timestamps.ts';
import { demultiplexer } from '../stream/demultiplex.ts';
import { flushStandard, standardSinks } from '../stream/sinks.ts';
import { containerPath } from './each.ts';

export const logs = defineCommand({
  usage: '[OPTIONS] CONTAINER',
  flags: {
    details: bool('Show the extra attributes of the log'),
    follow: bool('Go on with what is written from now on', { short: 'f' }),
    since: text('Only what was written since a time ("2013-01-02T13:23:37Z") or a while ago ("42m")'),
    tail: text('Number of lines from the end of the log', { short: 'n', initial: 'all', shown: '"all"' }),
    timestamps: bool('Show the time of each line', { short: 't' }),
    until: text('Only what was written before a time ("2013-01-02T13:23:37Z") or a while ago ("42m")'),
  },
  arity: [1, 1],
  run: async ({ daemon, flags, args }) => {
    const container = await inspectContainer(daemon, args[0] ?? '');
    const answer = await daemon.send({
      method: 'GET',
      path: containerPath(container.Id, '/logs'),
      query: {
        stdout: 1,
        stderr: 1,
        since: timestampOf(flags.since),
        until: timestampOf(flags.until),
        timestamps: flags.timestamps ? 1 : undefined,
        details: flags.details ? 1 : undefined,
        follow: flags.follow ? 1 : undefined,
        tail: flags.tail,
      },
    });
    const sinks = standardSinks();
    const sink = container.Config.Tty ? sinks.stdout : demultiplexer(sinks);
    for await (const bytes of answer.body) await sink.write(bytes);
    await flushStandard();
    return 0;
  },
});
