import { bool, refused, text } from '../../common/flags/flag.ts';
import { defineCommand } from '../command.ts';
import { filterFlag, filtersQuery } from '../flags/filters.ts';
import { renderListing } from '../format/listing.ts';
import { print, printError } from '../output.ts';
import { VOLUME_HEADERS, volumeRow, type VolumeSummary } from '../rows/volume.ts';
import { settingOf } from '../settings.ts';

const TABLE = 'table {{.Driver}}\t{{.Name}}';

export const volumeLs = defineCommand({
  usage: '[OPTIONS]',
  flags: {
    cluster: refused(''),
    filter: filterFlag,
    format: text("Print with 'table', 'table TEMPLATE', 'json' or 'TEMPLATE' (Go's templates)"),
    quiet: bool('Only display volume names', { short: 'q' }),
  },
  arity: [0, 0],
  run: async ({ daemon, flags, client }) => {
    const answer = await daemon.send({
      method: 'GET',
      path: '/volumes',
      query: { filters: filtersQuery(flags.filter) },
    });
    const { Volumes, Warnings } = JSON.parse(await answer.text()) as {
      Volumes: VolumeSummary[] | null;
      Warnings: string[] | null;
    };
    const rows = (Volumes ?? []).toSorted((a, b) => byName(a.Name, b.Name)).map(volumeRow);
    const wanted = flags.format || (flags.quiet ? '' : settingOf(client, 'volumesFormat'));
    const isDefault = wanted === '' || wanted === 'table';
    const format = isDefault ? (flags.quiet ? '{{.Name}}' : TABLE) : wanted;
    print(renderListing({ format, headers: VOLUME_HEADERS, rows }));
    for (const warning of Warnings ?? []) printError(`WARNING: ${warning}\n`);
    return 0;
  },
});

/** Numbers in names by their value, as docker sorts them. */
const byName = (a: string, b: string): number => a.localeCompare(b, 'en', { numeric: true });
