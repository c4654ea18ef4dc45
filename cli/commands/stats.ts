import { isatty } from 'node:tty';
import { bool, text } from '../../common/flags/flag.ts';
import { messageOf } from '../../common/errors.ts';
import { defineCommand } from '../command.ts';
import { renderListing } from '../format/listing.ts';
import { jsonLines } from '../http/progress.ts';
import type { Daemon } from '../http/daemon.ts';
import { print, printError } from '../output.ts';
import { STATS_HEADERS, statsRow, type StatsMessage } from '../rows/stats.ts';
import { History, type Shown } from '../stats/history.ts';
import { settingOf } from '../settings.ts';
import { containerPath } from './each.ts';

const TABLE =
  'table {{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}\t{{.BlockIO}}\t{{.PIDs}}';
const CLEAR = '\u001b[2J\u001b[H';
const REFRESH_MS = 500;
/** Of looking for containers that began meanwhile. */
const LIST_MS = 1000;

export const stats = defineCommand({
  usage: '[OPTIONS] [CONTAINER...]',
  flags: {
    all: bool('Show all containers, not only running ones', { short: 'a' }),
    format: text("Print with 'table', 'table TEMPLATE', 'json' or 'TEMPLATE' (Go's templates)"),
    'no-stream': bool('Print once, and end'),
    'no-trunc': bool('Show everything in full length'),
  },
  arity: [0],
  run: async ({ daemon, flags, args, client }) => {
    const wanted = flags.format || settingOf(client, 'statsFormat');
    const format = wanted === '' || wanted === 'table' ? TABLE : wanted;
    const short = !flags['no-trunc'];
    const show = (rows: readonly Shown[]): string =>
      renderListing({
        format,
        headers: STATS_HEADERS,
        rows: rows.map(({ asked, message }) => statsRow(asked, message, short)),
      });
    // A template that can't be used is told before anything is asked for.
    show([]);
    if (flags['no-stream'])
      return printOnce(daemon, show, args.length > 0 ? args : await list(daemon, flags.all));
    const draws = format === TABLE && short && isatty(1);
    const draw = draws ? (await import('../stats/drawn.ts')).drawStats : show;
    return follow(daemon, draw, { args, all: flags.all });
  },
});

async function list(daemon: Daemon, all: boolean): Promise<readonly string[]> {
  const query = { all: all ? 1 : undefined };
  const answer = await daemon.send({ method: 'GET', path: '/containers/json', query });
  return (JSON.parse(await answer.text()) as { Id: string }[]).map(({ Id }) => Id);
}

async function printOnce(
  daemon: Daemon,
  show: (rows: readonly Shown[]) => string,
  names: readonly string[],
): Promise<number> {
  const outcomes = await Promise.allSettled(
    names.map(async (asked): Promise<Shown> => {
      const query = { stream: 0 };
      const answer = await daemon.send({ method: 'GET', path: containerPath(asked, '/stats'), query });
      const message = JSON.parse(await answer.text()) as StatsMessage;
      return { asked, message, history: new History() };
    }),
  );
  const rows = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  print(show(rows));
  const failed = outcomes.flatMap((outcome) =>
    outcome.status === 'rejected' ? [outcome.reason as unknown] : [],
  );
  for (const error of failed) printError(`${messageOf(error)}\n`);
  return failed.length === 0 ? 0 : 1;
}

/** Goes on until the last of the named containers is gone; without names until it is interrupted. */
async function follow(
  daemon: Daemon,
  show: (rows: readonly Shown[]) => string,
  { args, all }: { readonly args: readonly string[]; readonly all: boolean },
): Promise<number> {
  const rows = new Map<string, Shown>();
  const failures: unknown[] = [];
  const add = async (asked: string): Promise<void> => {
    const shown: Shown = { asked, message: undefined, history: new History() };
    rows.set(asked, shown);
    try {
      const { body } = await daemon.send({ method: 'GET', path: containerPath(asked, '/stats') });
      for await (const line of jsonLines(body)) {
        shown.message = JSON.parse(line) as StatsMessage;
        shown.history.add(shown.message);
        // One that has ended says nothing but its name.
        if (args.length === 0 && !all && shown.message.pids_stats?.current === undefined) break;
      }
    } catch (error) {
      failures.push(error);
    }
    rows.delete(asked);
  };
  for (const name of args) void add(name);
  let listedMs = 0;
  for (;;) {
    if (args.length === 0 && Date.now() - listedMs >= LIST_MS) {
      listedMs = Date.now();
      const fresh = (await list(daemon, all)).filter((id) => !rows.has(id));
      fresh.forEach((id) => void add(id));
    }
    await new Promise((resolve) => setTimeout(resolve, REFRESH_MS));
    print(`${CLEAR}${show([...rows.values()])}`);
    if (args.length > 0 && rows.size === 0) break;
  }
  for (const error of failures) printError(`${messageOf(error)}\n`);
  return failures.length === 0 ? 0 : 1;
}
