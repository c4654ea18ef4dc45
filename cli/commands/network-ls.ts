import { bool, text } from '../../common/flags/flag.ts';
import { defineCommand } from '../command.ts';
import { filterFlag, filtersQuery } from '../flags/filters.ts';
import { chooseFormat, renderListing } from '../format/listing.ts';
import { print } from '../output.ts';
import { NETWORK_HEADERS, networkRow, type NetworkSummary } from '../rows/network.ts';
import { settingOf } from '../settings.ts';

const TABLE = 'table {{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.Scope}}';

export const networkLs = defineCommand({
  usage: '[OPTIONS]',
  flags: {
    filter: filterFlag,
    format: text("Print with 'table', 'table TEMPLATE', 'json' or 'TEMPLATE' (Go's templates)"),
    'no-trunc': bool('Show everything in full length'),
    quiet: bool('Show IDs only', { short: 'q' }),
  },
  arity: [0, 0],
  run: async ({ daemon, flags, client }) => {
    const answer = await daemon.send({
      method: 'GET',
      path: '/networks',
      query: { filters: filtersQuery(flags.filter) },
    });
    const networks = (JSON.parse(await answer.text()) as NetworkSummary[]).sort((a, b) =>
      a.Name.localeCompare(b.Name, undefined, { numeric: true }),
    );
    const rows = networks.map((network) => networkRow(network, !flags['no-trunc']));
    const wanted = flags.format || (flags.quiet ? '' : settingOf(client, 'networksFormat'));
    const format = chooseFormat(wanted, flags.quiet, TABLE);
    print(renderListing({ format, headers: NETWORK_HEADERS, rows }));
    return 0;
  },
});
