import { resolve } from 'node:path';
import { invalidArgument } from '../../common/errors.ts';
import { splitPair } from './environment.ts';
import { parseBytes } from '../../common/sizes.ts';

/** What `-v` values ask for, as the API has it. */
export interface Volumes {
  readonly binds: readonly string[];
  /** Targets of anonymous volumes. */
  readonly anonymous: Readonly<Record<string, object>>;
}

/** Reads `-v` values: `/target`, `source:/target[:options]`. A source that begins with a dot is made absolute. */
export function readVolumes(values: readonly string[]): Volumes {
  const anonymous: Record<string, object> = {};
  const binds = new Set<string>();
  for (const text of values) {
    const [source = '', ...rest] = text.split(':');
    if (text === '') throw invalidArgument('invalid empty volume spec');
    if ([source, ...rest].includes('')) {
      throw invalidArgument(`invalid spec: ${text}: empty section between colons`);
    }
    if (rest.length === 0) anonymous[source] = {};
    else binds.add([source.startsWith('.') ? resolve(source) : source, ...rest].join(':'));
  }
  return { binds: [...binds], anonymous };
}

/** One element of the API's `HostConfig.Mounts`. */
export interface Mount {
  Type: string;
  Source?: string;
  Target?: string;
  ReadOnly?: boolean;
  Consistency?: string;
  BindOptions?: Record<string, unknown>;
  VolumeOptions?: Record<string, unknown>;
  TmpfsOptions?: Record<string, unknown>;
  ImageOptions?: Record<string, unknown>;
}

type Setter = (mount: Mount, value: string, key: string) => void;

const SETTERS: Readonly<Record<string, Setter>> = {
  type: (mount, value) => (mount.Type = value.toLowerCase()),
  source: (mount, value) => (mount.Source = value.startsWith('.') ? resolve(value) : value),
  target: (mount, value) => (mount.Target = value),
  readonly: (mount, value, key) => (mount.ReadOnly = readSwitch(value, key)),
  consistency: (mount, value) => (mount.Consistency = value.toLowerCase()),
  'bind-propagation': (mount, value) =>
    (mount.BindOptions = { ...mount.BindOptions, Propagation: value.toLowerCase() }),
  'bind-nonrecursive': (mount, value, key) =>
    (mount.BindOptions = { ...mount.BindOptions, NonRecursive: readSwitch(value, key) }),
  'bind-create-src': (mount, value, key) =>
    (mount.BindOptions = { ...mount.BindOptions, CreateMountpoint: readSwitch(value, key) }),
  'bind-recursive': (mount, value, key) =>
    (mount.BindOptions = { ...mount.BindOptions, ...readRecursion(value, key) }),
  /** Ours. */
  'bind-idmap': (mount, value, key) =>
    (mount.BindOptions = { ...mount.BindOptions, Idmap: readSwitch(value, key) }),
  'image-subpath': (mount, value) => (mount.ImageOptions = { ...mount.ImageOptions, Subpath: value }),
  'volume-label': (mount, value) => (mount.VolumeOptions = withPair(mount.VolumeOptions, 'Labels', value)),
  'volume-driver': (mount, value) => (mount.VolumeOptions = withDriver(mount.VolumeOptions, { Name: value })),
  'volume-opt': (mount, value) => {
    const { DriverConfig = {} } = (mount.VolumeOptions ?? {}) as { DriverConfig?: Record<string, unknown> };
    mount.VolumeOptions = withDriver(mount.VolumeOptions, withPair(DriverConfig, 'Options', value));
  },
  'volume-nocopy': (mount, value, key) =>
    (mount.VolumeOptions = { ...mount.VolumeOptions, NoCopy: readSwitch(value, key) }),
  'volume-subpath': (mount, value) => (mount.VolumeOptions = { ...mount.VolumeOptions, Subpath: value }),
  'tmpfs-size': (mount, value) =>
    (mount.TmpfsOptions = { ...mount.TmpfsOptions, SizeBytes: parseBytes(value) }),
  'tmpfs-mode': (mount, value) =>
    (mount.TmpfsOptions = { ...mount.TmpfsOptions, Mode: Number.parseInt(value, 8) }),
};

type Fields = Record<string, unknown>;

const withPair = (fields: Fields = {}, name: string, pair: string): Fields => ({
  ...fields,
  [name]: { ...(fields[name] as Fields | undefined), ...Object.fromEntries([splitPair(pair)]) },
});

const withDriver = (options: Fields = {}, change: Fields): Fields => ({
  ...options,
  DriverConfig: { ...(options['DriverConfig'] as Fields | undefined), ...change },
});

/** How far a bind goes, in docker's four words. */
function readRecursion(value: string, key: string): Fields {
  switch (value) {
    case 'enabled':
      return {};
    case 'disabled':
      return { NonRecursive: true };
    case 'writable':
      return { ReadOnlyNonRecursive: true };
    case 'readonly':
      return { ReadOnlyForceRecursive: true };
    default:
      throw new Error(
        `invalid value for ${key}: ${value} (must be "enabled", "disabled", "writable", or "readonly")`,
      );
  }
}

const SYNONYMS: Readonly<Record<string, string>> = {
  src: 'source',
  dst: 'target',
  destination: 'target',
  ro: 'readonly',
};

/** Reads one `--mount` value: `type=bind,source=/a,target=/b,readonly`. Throws for an unknown key. */
export function parseMount(text: string): Mount {
  const mount: Mount = { Type: 'volume' };
  for (const field of splitCsv(text)) {
    const [, given = field, value] = /^([^=]*)(?:=(.*))?$/s.exec(field) ?? [];
    const key = given.trim().toLowerCase();
    const setter = SETTERS[SYNONYMS[key] ?? key];
    if (setter === undefined) throw new Error(`unexpected key '${key}' in '${field}'`);
    if (value === undefined && !MAY_STAND_ALONE.has(key)) {
      throw new Error(`invalid option '${field}' in '${text}': it must be a key=value pair`);
    }
    setter(mount, value ?? 'true', key);
  }
  if (mount.Target === undefined || mount.Target === '') throw new Error('target is required');
  checkOptions(mount);
  return mount;
}

const OWNERS = {
  BindOptions: 'bind',
  VolumeOptions: 'volume',
  ImageOptions: 'image',
  TmpfsOptions: 'tmpfs',
} as const;

/** Docker's client refuses these itself. */
function checkOptions(mount: Mount): void {
  for (const [options, type] of Object.entries(OWNERS)) {
    if (mount.Type === type || mount[options as keyof typeof OWNERS] === undefined) continue;
    throw new Error(`cannot mix '${type}-*' options with mount type '${mount.Type}'`);
  }
  const { ReadOnlyForceRecursive, ReadOnlyNonRecursive, Propagation } = mount.BindOptions ?? {};
  if (ReadOnlyNonRecursive === true && mount.ReadOnly !== true)
    throw new Error("option 'bind-recursive=writable' requires 'readonly' to be specified in conjunction");
  if (ReadOnlyForceRecursive !== true) return;
  if (mount.ReadOnly !== true)
    throw new Error("option 'bind-recursive=readonly' requires 'readonly' to be specified in conjunction");
  if (Propagation !== 'rprivate') {
    throw new Error(
      "option 'bind-recursive=readonly' requires 'bind-propagation=rprivate' to be specified in conjunction",
    );
  }
}

const MAY_STAND_ALONE = new Set([
  'readonly',
  'ro',
  'volume-nocopy',
  'bind-nonrecursive',
  'bind-create-src',
  'bind-idmap',
]);

function readSwitch(value: string, key: string): boolean {
  if (value === 'true' || value === '1') return true;
  if (value === 'false' || value === '0') return false;
  throw new Error(
    `invalid value for '${key}': invalid boolean value ("${value}"): must be one of "true", "1", "false", or "0"`,
  );
}

/** The fields of one CSV line; a quoted field may hold commas and doubled quotes. */
export function splitCsv(text: string): string[] {
  const fields = [...text.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)];
  return fields.map(([, quoted, plain = '']) => quoted?.replaceAll('""', '"') ?? plain);
}
