import { codeOf } from '../../common/errors.ts';
import type { Daemon } from '../http/daemon.ts';
import { containerPath } from '../commands/each.ts';

export type Fields = Readonly<Record<string, unknown>>;

/** What a container was made with, as the daemon shows it. */
export interface Made {
  readonly Id: string;
  readonly Name: string;
  readonly Image: string;
  readonly Config: Fields;
  readonly HostConfig: Fields;
  readonly Networks: Readonly<Record<string, Fields>>;
  /** The image's own configuration: what need not be said. Empty if the image is gone. */
  readonly image: Fields;
}

/** Throws `not-found` for an unknown container. */
export async function readMade(daemon: Daemon, name: string): Promise<Made> {
  const json = async (path: string): Promise<Fields> =>
    JSON.parse(await (await daemon.send({ method: 'GET', path })).text()) as Fields;
  const inspected = await json(containerPath(name, '/json'));
  const { Networks } = inspected['NetworkSettings'] as { Networks: Made['Networks'] | null };
  const image = await json(`/images/${encodeURIComponent(String(inspected['Image']))}/json`).catch(
    (error: unknown): Fields => {
      if (codeOf(error) === 'not-found') return {};
      throw error;
    },
  );
  return {
    ...(inspected as unknown as Omit<Made, 'image' | 'Networks'>),
    Networks: Networks ?? {},
    image: (image['Config'] ?? {}) as Fields,
  };
}

/** Whether the image says the same, so that nobody else has to. */
export const isImagesOwn = (own: Fields, image: Fields, name: string): boolean =>
  JSON.stringify(own[name] ?? null) === JSON.stringify(image[name] ?? null);

export const textOf = (fields: Fields, name: string): string => {
  const value = fields[name];
  return typeof value === 'string' ? value : '';
};
export const numberOf = (fields: Fields, name: string): number => Number(fields[name] ?? 0);
export const textsOf = (fields: Fields, name: string): readonly string[] =>
  (fields[name] ?? []) as readonly string[];
export const objectsOf = (fields: Fields, name: string): readonly Fields[] =>
  (fields[name] ?? []) as readonly Fields[];
export const mapOf = (fields: Fields, name: string): Readonly<Record<string, string>> =>
  (fields[name] ?? {}) as Readonly<Record<string, string>>;

/**
 * Places of volumes without a name, beyond the image's own. What a client has listed there though it mounts something else there (compose
 * 1.29 lists all) is none.
 */
export function anonymousVolumes({ Config, HostConfig: host, image }: Made): string[] {
  const mounted = [
    ...textsOf(host, 'Binds').map((bind) => bind.split(':')[1] ?? ''),
    ...objectsOf(host, 'Mounts').map((mount) => textOf(mount, 'Target')),
    ...Object.keys(mapOf(host, 'Tmpfs')),
  ];
  return Object.keys(mapOf(Config, 'Volumes')).filter(
    (path) => !Object.hasOwn(mapOf(image, 'Volumes'), path) && !mounted.includes(path),
  );
}

/** Names that a container has beside its own in a network; not its short id, which each one has anew. */
export const aliasesOf = ({ Id }: Made, endpoint: Fields): readonly string[] =>
  textsOf(endpoint, 'Aliases').filter((alias) => alias !== Id.slice(0, 12));

/** `--flag value` for each value. */
export const repeat = (flag: string, values: readonly string[]): string[] =>
  values.flatMap((value) => [flag, value]);
/** `--flag name=value` for each entry. */
export const pairs = (flag: string, map: Readonly<Record<string, string>>): string[] =>
  repeat(
    flag,
    Object.entries(map).map(([name, value]) => `${name}=${value}`),
  );
/** Nothing for what is not set. */
export const optional = (flag: string, value: string | number): string[] =>
  value === '' || value === 0 ? [] : [flag, String(value)];
