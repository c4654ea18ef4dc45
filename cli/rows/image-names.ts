import { shortId } from '../format/ids.ts';
import { alignColumns } from '../format/table.ts';
import { humanSize } from '../format/units.ts';
import type { ImageSummary } from './image.ts';

const HEADER = 'IMAGE\tID\tDISK USAGE\tCONTENT SIZE\tEXTRA';

/**
 * The table of `images --tree`: each image once, its names above one another, marked when a container uses it. An image is for one
 * platform here, and has no rows below it.
 */
export function renderNames(images: readonly ImageSummary[]): string {
  const rows = images.flatMap(({ Id, RepoTags, Size, Containers }) => {
    const names = (RepoTags ?? []).toSorted();
    const last = names.at(-1) ?? '<untagged>';
    const mark = Containers > 0 ? 'U' : '';
    return [...names.slice(0, -1), [last, shortId(Id), humanSize(Size), '0B', mark].join('\t')];
  });
  const legend = 'U: a container uses it\n\n';
  return `${legend}${alignColumns([HEADER, ...rows].join('\n'), { minimum: 0, padding: 3 })}\n`;
}
