import { invalidArgument } from '../../common/errors.ts';
import { defineCommand } from '../command.ts';
import { filterFlag, filtersQuery } from '../flags/filters.ts';
import { bool, text } from '../../common/flags/flag.ts';
import { chooseFormat, renderListing } from '../format/listing.ts';
import { print } from '../output.ts';
import { IMAGE_HEADERS, imageRows, type ImageSummary } from '../rows/image.ts';
import { renderNames } from '../rows/image-names.ts';
import { settingOf } from '../settings.ts';

const TABLE = 'table {{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}';
const WITH_DIGESTS = 'table {{.Repository}}\t{{.Tag}}\t{{.Digest}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}';

export const images = defineCommand({
  usage: '[OPTIONS] [REPOSITORY[:TAG]]',
  flags: {
    all: bool('Show intermediate images too', { short: 'a' }),
    digests: bool('Show digests'),
    filter: filterFlag,
    format: text("Print with 'table', 'table TEMPLATE', 'json' or 'TEMPLATE' (Go's templates)"),
    'no-trunc': bool('Show everything in full length'),
    quiet: bool('Show IDs only', { short: 'q' }),
    tree: bool('Show the names of an image together'),
  },
  arity: [0, 1],
  run: async ({ daemon, flags, changed, args, client }) => {
    const other = ['digests', 'format', 'no-trunc', 'quiet'].find((name) => changed.has(name));
    if (flags.tree && other !== undefined)
      throw invalidArgument(`--${other} is not yet supported with --tree`);
    const filters = [...flags.filter, ...args.map((reference) => `reference=${reference}`)];
    const answer = await daemon.send({
      method: 'GET',
      path: '/images/json',
      query: { all: flags.all ? 1 : undefined, filters: filtersQuery(filters) },
    });
    const found = JSON.parse(await answer.text()) as ImageSummary[];
    const newest = found.sort((a, b) => b.Created - a.Created);
    if (flags.tree) {
      print(renderNames(newest));
      return 0;
    }
    const wanted = flags.format || (flags.quiet ? '' : settingOf(client, 'imagesFormat'));
    const format = chooseFormat(wanted, flags.quiet, flags.digests ? WITH_DIGESTS : TABLE);
    const look = { short: !flags['no-trunc'], digests: flags.digests || format.includes('{{.Digest}}') };
    const rows = newest.flatMap((image) => imageRows(image, look));
    print(renderListing({ format, headers: IMAGE_HEADERS, rows }));
    return 0;
  },
});
