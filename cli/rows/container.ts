import { shortId } from '../format/ids.ts';
import { goTime } from '../format/dates.ts';
import type { Row } from '../format/listing.ts';
import { familiarName } from '../format/references.ts';
import { goQuote } from '../format/template/values.ts';
import { ago, ellipsis, humanSize } from '../format/units.ts';
import { type Port, showPorts } from './ports.ts';

/** One element of `GET /containers/json`. */
export interface ContainerSummary {
  readonly Id: string;
  readonly Names: readonly string[] | null;
  readonly Image: string;
  readonly ImageID: string;
  readonly Command: string;
  readonly Created: number;
  readonly Ports: readonly Port[] | null;
  readonly Labels: Readonly<Record<string, string>> | null;
  readonly State: string;
  readonly Status: string;
  readonly SizeRw?: number;
  readonly SizeRootFs?: number;
  readonly Mounts?:
    readonly { readonly Name?: string; readonly Source?: string; readonly Driver?: string }[] | null;
  readonly NetworkSettings?: { readonly Networks?: Readonly<Record<string, unknown>> | null } | null;
}

export const CONTAINER_HEADERS: Row = {
  ID: 'CONTAINER ID',
  Names: 'NAMES',
  Image: 'IMAGE',
  Command: 'COMMAND',
  CreatedAt: 'CREATED AT',
  RunningFor: 'CREATED',
  Ports: 'PORTS',
  State: 'STATE',
  Status: 'STATUS',
  Size: 'SIZE',
  Labels: 'LABELS',
  Mounts: 'MOUNTS',
  LocalVolumes: 'LOCAL VOLUMES',
  Networks: 'NETWORKS',
  Platform: 'PLATFORM',
  Label: (name: unknown) => String(name).split('.').at(-1),
};

/** The fields of `ps --format`, computed when asked for. With `short`, ids and commands are cut as in docker's table. */
export function containerRow(container: ContainerSummary, short: boolean): Row {
  const { Labels: labels, Mounts: mounts } = container;
  return {
    get Command() {
      return goQuote(short ? ellipsis(container.Command, 20) : container.Command);
    },
    get CreatedAt() {
      return goTime(container.Created);
    },
    ID: short ? shortId(container.Id) : container.Id,
    get Image() {
      return imageOf(container, short);
    },
    get Labels() {
      return labelsOf(container);
    },
    get LocalVolumes() {
      return String((mounts ?? []).filter(({ Driver }) => Driver === 'local').length);
    },
    get Mounts() {
      return mountsOf(container, short);
    },
    get Names() {
      return namesOf(container, short);
    },
    get Networks() {
      return Object.keys(container.NetworkSettings?.Networks ?? {}).join(',');
    },
    Platform: null,
    get Ports() {
      return showPorts(container.Ports ?? []);
    },
    get RunningFor() {
      return ago(container.Created);
    },
    get Size() {
      return sizeOf(container);
    },
    State: container.State,
    Status: container.Status,
    Label: (name: unknown) => labels?.[String(name)] ?? '',
  };
}

function labelsOf({ Labels }: ContainerSummary): string {
  const pairs = Object.entries(Labels ?? {}).map(([name, value]) => `${name}=${value}`);
  return pairs.sort().join(',');
}

function mountsOf({ Mounts }: ContainerSummary, short: boolean): string {
  const names = (Mounts ?? []).map(({ Name, Source = '' }) => Name || Source);
  return names.map((name) => (short ? ellipsis(name, 15) : name)).join(',');
}

function sizeOf({ SizeRw = 0, SizeRootFs = 0 }: ContainerSummary): string {
  return SizeRootFs > 0 ? `${humanSize(SizeRw)} (virtual ${humanSize(SizeRootFs)})` : humanSize(SizeRw);
}

/** Names without slash; those of links, which have two, only in full length. */
function namesOf({ Names }: ContainerSummary, short: boolean): string {
  const names = (Names ?? []).map((name) => name.slice(1));
  const own = short ? names.find((name) => !name.includes('/')) : undefined;
  return own ?? names.join(',');
}

function imageOf({ Image, ImageID }: ContainerSummary, short: boolean): string {
  if (Image === '') return '<no image>';
  if (!short) return Image;
  if (shortId(Image) === shortId(ImageID)) return shortId(ImageID);
  return familiarName(Image);
}
