import { defineCommand } from '../command.ts';
import { bool, text } from '../../common/flags/flag.ts';
import { rfc3339 } from '../format/dates.ts';
import { shortId } from '../format/ids.ts';
import { chooseFormat, renderListing, type Row } from '../format/listing.ts';
import { ago, ellipsis, humanSize } from '../format/units.ts';
import { print } from '../output.ts';
import { platformJson } from '../registry/platform.ts';

/** One element of `GET /images/{name}/history`. */
interface Step {
  readonly Id: string;
  readonly Created: number;
  readonly CreatedBy: string;
  readonly Size: number;
  readonly Comment: string;
}

const HEADERS: Row = {
  ID: 'IMAGE',
  CreatedSince: 'CREATED',
  CreatedAt: 'CREATED AT',
  CreatedBy: 'CREATED BY',
  Size: 'SIZE',
  Comment: 'COMMENT',
};

const columns = (created: string): string =>
  `table {{.ID}}\t{{.${created}}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}`;

export const history = defineCommand({
  usage: '[OPTIONS] IMAGE',
  flags: {
    format: text("Print with 'table', 'table TEMPLATE', 'json' or 'TEMPLATE' (Go's templates)"),
    human: bool('Print sizes and dates for people', { short: 'H', initial: true, shown: 'true' }),
    'no-trunc': bool('Show everything in full length'),
    platform: text('History of the image for a platform (os/arch/variant)'),
    quiet: bool('Show image IDs only', { short: 'q' }),
  },
  arity: [1, 1],
  run: async ({ daemon, flags, args }) => {
    const path = `/images/${encodeURIComponent(args[0] ?? '')}/history`;
    const answer = await daemon.send({
      method: 'GET',
      path,
      query: { platform: platformJson(flags.platform) },
    });
    const steps = JSON.parse(await answer.text()) as Step[];
    const format = chooseFormat(
      flags.format,
      flags.quiet,
      columns(flags.human ? 'CreatedSince' : 'CreatedAt'),
    );
    const rows = steps.map((step) => rowOf(step, { short: !flags['no-trunc'], human: flags.human }));
    print(renderListing({ format, headers: HEADERS, rows }));
    return 0;
  },
});

function rowOf(step: Step, look: { readonly short: boolean; readonly human: boolean }): Row {
  const madeBy = step.CreatedBy.replaceAll('\t', ' ');
  return {
    Comment: step.Comment,
    CreatedAt: step.Created <= 0 ? 'N/A' : rfc3339(step.Created),
    CreatedBy: look.short ? ellipsis(madeBy, 45) : madeBy,
    CreatedSince: step.Created <= 0 ? 'N/A' : ago(step.Created),
    ID: look.short ? shortId(step.Id) : step.Id,
    Size: look.human ? humanSize(step.Size) : String(step.Size),
  };
}
