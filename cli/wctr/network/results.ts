import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { highest, parseList } from '../../../common/cni/conflist.ts';
import { CNI_DEFAULTS, type Chain, type CniResult, type Place } from '../../../common/cni/contract.ts';
import { writeFileAtomic } from '../../../common/atomic-file.ts';

/**
 * What plugins answered, for DEL by whoever it comes from: files where the specification's own library keeps them, as it writes them
 * (libcni, api.go), so that each finds what the other has attached.
 */
const DIRECTORY = '/var/lib/cni/results';
const KIND = 'cniCacheV1';
const MODE = 0o700;

interface Entry {
  readonly kind: typeof KIND;
  readonly containerId: string;
  /** The list, in base64. */
  readonly config: string;
  readonly ifName: string;
  readonly networkName: string;
  readonly result?: CniResult;
}

export async function keepResult(place: Place): Promise<void> {
  const { containerId, interfaceName: ifName, chain, result = {} } = place;
  const config = Buffer.from(JSON.stringify(chain)).toString('base64');
  const entry: Entry = { kind: KIND, containerId, config, ifName, networkName: chain.name, result };
  mkdirSync(DIRECTORY, { recursive: true, mode: MODE });
  await writeFileAtomic(pathOf(place), JSON.stringify(entry));
}

export const forgetResult = (place: Place): void => rmSync(pathOf(place), { force: true });

const pathOf = ({ containerId, interfaceName, chain }: Place): string =>
  join(DIRECTORY, `${chain.name}-${containerId}-${interfaceName}`);

/** Where a container is attached. What can't be read is of others. */
export function keptResults(containerId: string): Place[] {
  return names()
    .filter((name) => name.includes(`-${containerId}-`))
    .flatMap((name) => read(join(DIRECTORY, name)) ?? [])
    .filter((place) => place.containerId === containerId);
}

function names(): string[] {
  try {
    return readdirSync(DIRECTORY);
  } catch {
    return [];
  }
}

function read(path: string): Place | undefined {
  try {
    const { kind, containerId, config, ifName, result } = JSON.parse(readFileSync(path, 'utf8')) as Entry;
    if (kind !== KIND) return undefined;
    const { versions, ...list } = parseList(Buffer.from(config, 'base64').toString(), path);
    return {
      ...placeIn({ ...list, cniVersion: highest(versions) }, containerId),
      interfaceName: ifName,
      result,
    };
  } catch {
    return undefined;
  }
}

/** What CNI's plugins know a container by, as with ctr. */
export const fullId = (namespace: string, containerId: string): string => `${namespace}-${containerId}`;

/** Before ADD; the interface is the one that go-cni calls a container's first. */
export const placeIn = (chain: Chain, containerId: string): Place => ({
  ...{ containerId, chain },
  interfaceName: 'eth0',
  args: '',
  capabilities: {},
  timeoutMs: CNI_DEFAULTS.timeoutMs,
  result: undefined,
});
