import { parseBytes } from '../../common/sizes.ts';
import { splitPair } from './environment.ts';
import { splitCsv } from './mounts.ts';

/** Readers for flags that name devices. All throw errors made for the parser, in docker's words. */

export interface DeviceRate {
  readonly Path: string;
  readonly Rate: number;
}

export interface DeviceWeight {
  readonly Path: string;
  readonly Weight: number;
}

const UINT16_MAX = 65_535;

function split(text: string): [path: string, value: string] {
  const at = text.indexOf(':');
  if (at < 1) throw new Error(`bad format: ${text}`);
  const path = text.slice(0, at);
  if (!path.startsWith('/dev/')) throw new Error(`bad format for device path: ${text}`);
  return [path, text.slice(at + 1)];
}

/** `/dev/sda:500`. */
export function parseDeviceWeight(text: string): DeviceWeight {
  const [Path, value] = split(text);
  const Weight = Number(value);
  const fits = Weight === 0 || (Weight >= 10 && Weight <= 1000);
  if (!/^\d+$/.test(value) || Weight > UINT16_MAX || !fits)
    throw new Error(`invalid weight for device: ${text}`);
  return { Path, Weight };
}

/** `/dev/sda:1mb`, in a second. */
export function parseDeviceBytes(text: string): DeviceRate {
  const [Path, value] = split(text);
  try {
    return { Path, Rate: parseBytes(value) };
  } catch (error) {
    throw new Error(
      `invalid rate for device: ${text}. The correct format is <device-path>:<number>[<unit>]. Number must be a positive integer. ` +
        'Unit is optional and can be kb, mb, or gb',
      { cause: error },
    );
  }
}

/** `/dev/sda:1000`, in a second. */
export function parseDeviceOperations(text: string): DeviceRate {
  const [Path, value] = split(text);
  if (!/^\d+$/.test(value)) {
    throw new Error(
      `invalid rate for device: ${text}. The correct format is <device-path>:<number>. Number must be a positive integer`,
    );
  }
  return { Path, Rate: Number(value) };
}

export interface DeviceRequest {
  readonly Driver: string;
  readonly Count: number;
  readonly DeviceIDs: readonly string[] | null;
  readonly Capabilities: readonly (readonly string[])[] | null;
  readonly Options: Readonly<Record<string, string>> | null;
}

/** `all`, `2`, `device=0,1`, `driver=nvidia,"capabilities=compute,utility"`. */
export function parseGpus(text: string): DeviceRequest {
  const seen = new Map<string, string>();
  for (const field of splitCsv(text)) {
    const [key, value] = field.includes('=') ? splitPair(field) : ['count', field];
    if (!['driver', 'count', 'device', 'capabilities', 'options'].includes(key))
      throw new Error(`unexpected key '${key}' in '${field}'`);
    if (seen.has(key)) throw new Error(`gpu request key '${key}' can be specified only once`);
    seen.set(key, value);
  }
  const list = (key: string): string[] | undefined => seen.get(key)?.split(',');
  const devices = list('device');
  return {
    Driver: seen.get('driver') ?? '',
    Count: parseCount(seen.get('count') ?? (devices === undefined ? '1' : '0')),
    DeviceIDs: devices ?? null,
    Capabilities: [[...(list('capabilities') ?? []), 'gpu']],
    Options: Object.fromEntries(
      splitCsv(seen.get('options') ?? '')
        .filter(Boolean)
        .map(splitPair),
    ),
  };
}

function parseCount(text: string): number {
  if (text === 'all') return -1;
  if (/^[+-]?\d+$/.test(text)) return Number(text);
  throw new Error(`invalid count (${text}): value must be either "all" or an integer`);
}

/** `vendor.com/class=name`: a device of the Container Device Interface, not a path. */
export const isDeviceName = (text: string): boolean =>
  /^[a-z](?:[a-z0-9_.-]*[a-z0-9])?\/[a-z](?:[a-z0-9_-]*[a-z0-9])?=[a-z0-9](?:[a-z0-9_.:-]*[a-z0-9])?$/i.test(
    text,
  );
