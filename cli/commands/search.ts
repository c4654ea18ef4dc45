import { bool, int, text } from '../../common/flags/flag.ts';
import { defineCommand } from '../command.ts';
import { filterFlag, filtersQuery } from '../flags/filters.ts';
import { chooseFormat, renderListing, type Row } from '../format/listing.ts';
import { ellipsis } from '../format/units.ts';
import { print } from '../output.ts';
import { registryHeaders } from '../registry/credentials.ts';

/** One element of `GET /images/search`. */
interface Found {
  readonly name: string;
  readonly description: string;
  readonly star_count: number;
  readonly is_official: boolean;
  readonly is_automated: boolean;
}

const HEADERS: Row = {
  Name: 'NAME',
  Description: 'DESCRIPTION',
  StarCount: 'STARS',
  IsOfficial: 'OFFICIAL',
  IsAutomated: 'AUTOMATED',
};
const TABLE = 'table {{.Name}}\t{{.Description}}\t{{.StarCount}}\t{{.IsOfficial}}';
const DESCRIPTION_WIDTH = 45;

export const search = defineCommand({
  usage: '[OPTIONS] TERM',
  flags: {
    filter: filterFlag,
    format: text("Print with a 'TEMPLATE' (Go's templates)"),
    limit: int('Show at most so many results'),
    'no-trunc': bool('Show everything in full length'),
  },
  arity: [1, 1],
  run: async ({ daemon, flags, args: [term = ''] }) => {
    const answer = await daemon.send({
      method: 'GET',
      path: '/images/search',
      query: { term, limit: flags.limit, filters: filtersQuery(flags.filter) },
      headers: await registryHeaders(term),
    });
    const found = JSON.parse(await answer.text()) as Found[];
    const rows = found
      .sort((a, b) => b.star_count - a.star_count)
      .map((each) => rowOf(each, !flags['no-trunc']));
    print(renderListing({ format: chooseFormat(flags.format, false, TABLE), headers: HEADERS, rows }));
    return 0;
  },
});

function rowOf(found: Found, short: boolean): Row {
  const description = found.description.replaceAll(/[\r\n]+/g, ' ').trim();
  return {
    Name: found.name,
    Description: short ? ellipsis(description, DESCRIPTION_WIDTH) : description,
    StarCount: String(found.star_count),
    IsOfficial: found.is_official ? '[OK]' : '',
    IsAutomated: found.is_automated ? '[OK]' : '',
  };
}
