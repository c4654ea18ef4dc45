import { messageOf } from '../../common/errors.ts';
import { defineCommand } from '../command.ts';
import { filterFlag, filtersQuery } from '../flags/filters.ts';
import { int, text } from '../../common/flags/flag.ts';
import { rfc3339Nano } from '../format/dates.ts';
import { documentRenderer } from '../format/documents.ts';
import { parseJson, toJson } from '../format/json.ts';
import { timestampOf } from '../format/timestamps.ts';
import { jsonLines } from '../http/progress.ts';
import { print, printError } from '../output.ts';

interface Event {
  readonly Type: string;
  readonly Action: string;
  readonly Actor: { readonly ID: string; readonly Attributes: Readonly<Record<string, string>> | null };
  readonly time?: number;
  readonly timeNano?: bigint | number;
}

/** Docker's exit code for a format that can't be used. */
const BAD_FORMAT_STATUS = 64;

/** Has every field that a template may name: a mistake is told before the first event. */
const SAMPLE = {
  status: '',
  id: '',
  from: '',
  Type: '',
  Action: '',
  Actor: { ID: '', Attributes: {} },
  scope: '',
  eventId: 0,
  time: 0,
  timeNano: 0,
};

export const events = defineCommand({
  usage: '[OPTIONS]',
  flags: {
    filter: filterFlag,
    format: text("Print with 'json' or 'TEMPLATE' (Go's templates)"),
    since: text('Begin with what happened since a time'),
    until: text('End at a time'),
    after: int('Go on behind the event of this ID (eventId of --format json)'),
  },
  arity: [0, 0],
  run: async ({ daemon, flags }) => {
    let render: (event: Event) => string;
    try {
      render = rendererOf(flags.format);
    } catch (error) {
      printError(`${messageOf(error)}\n`);
      return BAD_FORMAT_STATUS;
    }
    const { body } = await daemon.send({
      method: 'GET',
      path: '/events',
      query: {
        since: timestampOf(flags.since),
        until: timestampOf(flags.until),
        after: flags.after,
        filters: filtersQuery(flags.filter),
      },
    });
    for await (const line of jsonLines(body)) print(`${render(parseJson(line) as Event)}\n`);
    return 0;
  },
});

function rendererOf(format: string): (event: Event) => string {
  if (format === '') return lineOf;
  if (format === 'json') return toJson;
  const render = documentRenderer(format, 'Error parsing format: ');
  render(SAMPLE);
  return render;
}

function lineOf({ Type, Action, Actor, time, timeNano }: Event): string {
  const at = BigInt(timeNano ?? (time ?? 0) * 1e9);
  const attributes = Object.entries(Actor.Attributes ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`);
  const extra = attributes.length === 0 ? '' : ` (${attributes.join(', ')})`;
  return `${rfc3339Nano(at)} ${Type} ${Action} ${Actor.ID}${extra}`;
}
