import { defineCommand } from '../command.ts';
import { bool, text, value } from '../../common/flags/flag.ts';
import { filterFlag, filtersQuery } from '../flags/filters.ts';
import { chooseFormat, renderListing } from '../format/listing.ts';
import { print } from '../output.ts';
import { CONTAINER_HEADERS, type ContainerSummary, containerRow } from '../rows/container.ts';
import { settingOf } from '../settings.ts';

const TABLE = 'table {{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}';

export const ps = defineCommand({
  usage: '[OPTIONS]',
  flags: {
    all: bool('Show all containers, not only running ones', { short: 'a' }),
    filter: filterFlag,
    format: text("Print with 'table', 'table TEMPLATE', 'json' or 'TEMPLATE' (Go's templates)"),
    last: value({
      short: 'n',
      type: 'int',
      help: 'Show the last created containers, in any state',
      initial: -1,
      shown: '-1',
      read: (given) => readCount(given),
    }),
    latest: bool('Show the last created container, in any state', { short: 'l' }),
    'no-trunc': bool('Show everything in full length'),
    quiet: bool('Show IDs only', { short: 'q' }),
    size: bool('Show file sizes', { short: 's' }),
  },
  arity: [0, 0],
  run: async ({ daemon, flags, client }) => {
    const wanted = flags.format || (flags.quiet ? '' : settingOf(client, 'psFormat'));
    const format = chooseFormat(wanted, flags.quiet, flags.size ? `${TABLE}\t{{.Size}}` : TABLE);
    const last = flags.latest && flags.last === -1 ? 1 : flags.last;
    const answer = await daemon.send({
      method: 'GET',
      path: '/containers/json',
      query: {
        all: flags.all ? 1 : undefined,
        limit: last > 0 ? last : undefined,
        // Sizes cost the daemon a walk through the files: asked for only if they are shown.
        size: flags.size || /\.Size\b/.test(format) ? 1 : undefined,
        filters: filtersQuery(flags.filter),
      },
    });
    const containers = JSON.parse(await answer.text()) as ContainerSummary[];
    const rows = containers.map((container) => containerRow(container, !flags['no-trunc']));
    print(renderListing({ format, headers: CONTAINER_HEADERS, rows }));
    return 0;
  },
});

function readCount(given: string): number {
  if (!/^-?\d+$/.test(given))
    throw new Error(`strconv.ParseInt: parsing ${JSON.stringify(given)}: invalid syntax`);
  return Number(given);
}
