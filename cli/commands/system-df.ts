import { invalidArgument } from '../../common/errors.ts';
import { bool, text } from '../../common/flags/flag.ts';
import { defineCommand } from '../command.ts';
import { chooseFormat, renderListing, type Row } from '../format/listing.ts';
import { humanSize } from '../format/units.ts';
import type { Daemon } from '../http/daemon.ts';
import { print } from '../output.ts';
import { CONTAINER_HEADERS, containerRow, type ContainerSummary } from '../rows/container.ts';
import { IMAGE_HEADERS, imageRows, type ImageSummary } from '../rows/image.ts';
import { VOLUME_HEADERS, volumeRow, type VolumeSummary } from '../rows/volume.ts';

/** Answer of `GET /system/df`. */
interface Usage {
  readonly LayersSize: number;
  readonly Images: readonly ImageSummary[] | null;
  readonly Containers: readonly ContainerSummary[] | null;
  readonly Volumes: readonly VolumeSummary[] | null;
}

const HEADERS: Row = {
  Type: 'TYPE',
  TotalCount: 'TOTAL',
  Active: 'ACTIVE',
  Size: 'SIZE',
  Reclaimable: 'RECLAIMABLE',
};
const TABLE = 'table {{.Type}}\t{{.TotalCount}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}';

export const systemDf = defineCommand({
  usage: '[OPTIONS]',
  flags: {
    format: text("Print with 'table', 'json' or 'TEMPLATE' (Go's templates)"),
    verbose: bool('Show each image and container', { short: 'v' }),
    verify: bool('Walk the disk and compare it with the account'),
  },
  arity: [0, 0],
  run: async ({ daemon, flags }) => {
    if (flags.verify) return verify(daemon);
    if (flags.verbose && flags.format !== '') {
      throw invalidArgument('the verbose and the format options conflict');
    }
    const answer = await daemon.send({ method: 'GET', path: '/system/df' });
    const usage = JSON.parse(await answer.text()) as Usage;
    if (flags.verbose) print(verbose(usage));
    else
      print(
        renderListing({
          format: chooseFormat(flags.format, false, TABLE),
          headers: HEADERS,
          rows: rowsOf(usage),
        }),
      );
    return 0;
  },
});

function rowsOf({ LayersSize, Images, Containers, Volumes }: Usage): Row[] {
  const images = Images ?? [];
  const containers = Containers ?? [];
  const inUse = images
    .filter((image) => image.Containers !== 0 && image.SharedSize !== -1)
    .reduce((sum, { Size, SharedSize }) => sum + Size - SharedSize, 0);
  const runs = ({ State }: ContainerSummary): boolean => ['running', 'paused', 'restarting'].includes(State);
  const written = (list: readonly ContainerSummary[]): number =>
    list.reduce((sum, { SizeRw }) => sum + (SizeRw ?? 0), 0);
  const active = containers.filter(runs);
  return [
    row(
      'Images',
      [images.length, images.filter((image) => image.Containers > 0).length],
      [LayersSize, LayersSize - inUse],
    ),
    row(
      'Containers',
      [containers.length, active.length],
      [written(containers), written(containers) - written(active)],
    ),
    volumesRow(Volumes ?? []),
    row('Build Cache', [0, 0], [0, 0]),
  ];
}

/** Those whose size nobody knows count nothing. */
function volumesRow(volumes: readonly VolumeSummary[]): Row {
  const used = volumes.filter(({ UsageData }) => (UsageData?.RefCount ?? 0) > 0);
  const bytes = (list: readonly VolumeSummary[]): number =>
    list.reduce((sum, { UsageData }) => sum + Math.max(0, UsageData?.Size ?? 0), 0);
  return row('Local Volumes', [volumes.length, used.length], [bytes(volumes), bytes(volumes) - bytes(used)]);
}

function row(type: string, [total, active]: [number, number], [size, reclaimable]: [number, number]): Row {
  const percent = size > 0 ? ` (${Math.floor((reclaimable * 100) / size)}%)` : '';
  return {
    Type: type,
    TotalCount: String(total),
    Active: String(active),
    Size: humanSize(size, 4),
    Reclaimable: `${humanSize(reclaimable, 4)}${percent}`,
  };
}

const IMAGE_TABLE =
  'table {{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.VirtualSize}}\t{{.SharedSize}}\t{{.UniqueSize}}\t{{.Containers}}';
const CONTAINER_TABLE =
  'table {{.ID}}\t{{.Image}}\t{{.Command}}\t{{.LocalVolumes}}\t{{.Size}}\t{{.RunningFor}}\t{{.Status}}\t{{.Names}}';

const VOLUME_TABLE = 'table {{.Name}}\t{{.Links}}\t{{.Size}}';

function verbose({ Images, Containers, Volumes }: Usage): string {
  const images = (Images ?? []).flatMap((image) =>
    imageRows(image, { short: true, digests: false }).slice(0, 1),
  );
  const containers = (Containers ?? []).map((container) => containerRow(container, true));
  return [
    'Images space usage:\n\n',
    renderListing({ format: IMAGE_TABLE, headers: IMAGE_HEADERS, rows: images }),
    '\nContainers space usage:\n\n',
    renderListing({ format: CONTAINER_TABLE, headers: CONTAINER_HEADERS, rows: containers }),
    '\nLocal Volumes space usage:\n\n',
    renderListing({ format: VOLUME_TABLE, headers: VOLUME_HEADERS, rows: (Volumes ?? []).map(volumeRow) }),
    '\nBuild cache usage: 0B\n\nCACHE ID   CACHE TYPE   SIZE      CREATED   LAST USED   USAGE     SHARED\n',
  ].join('');
}

/** Answer of `GET /wherry/system/verify`. */
interface Verification {
  readonly ExpectedBytes: number;
  readonly ActualBytes: number;
  readonly Orphans: readonly string[];
  readonly Missing: readonly string[];
}

/** Ends with 1 when the account is wrong about a path. */
async function verify(daemon: Daemon): Promise<number> {
  const answer = await daemon.send({ method: 'GET', path: '/wherry/system/verify' });
  const { ExpectedBytes, ActualBytes, Orphans, Missing } = JSON.parse(await answer.text()) as Verification;
  print(
    [
      `Account:  ${humanSize(ExpectedBytes, 4)} (${ExpectedBytes} bytes)`,
      `Disk:     ${humanSize(ActualBytes, 4)} (${ActualBytes} bytes)`,
      ...Orphans.map((path) => `Orphan:   ${path}`),
      ...Missing.map((path) => `Missing:  ${path}`),
      '',
    ].join('\n'),
  );
  return Orphans.length + Missing.length === 0 ? 0 : 1;
}
