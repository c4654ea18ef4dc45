import { stat } from 'node:fs/promises';
import { invalidArgument } from '../../../common/errors.ts';
import type { Resources, ThrottleDevice } from '../../../runtime/spec.ts';
import type { BlkioDevices, DeviceRate } from '../contract.ts';
import { majorOf, minorOf } from './devices.ts';

/** Limits of single devices in the specification's words. */
export type BlkioNumbers = Pick<
  NonNullable<Resources['blockIO']>,
  | 'weightDevice'
  | 'throttleReadBpsDevice'
  | 'throttleWriteBpsDevice'
  | 'throttleReadIOPSDevice'
  | 'throttleWriteIOPSDevice'
>;

/** Looks the devices up. Throws `invalid-argument` with docker's text for one that is not there. */
export async function findBlkioNumbers(devices: BlkioDevices): Promise<BlkioNumbers> {
  const { weight, readBps, writeBps, readIops, writeIops } = devices;
  const [weightDevice, ...throttles] = await Promise.all([
    Promise.all(weight.map(async ({ path, weight }) => ({ ...(await numbersOf(path)), weight }))),
    ...[readBps, writeBps, readIops, writeIops].map(throttlesOf),
  ]);
  const [readBpsDevice = [], writeBpsDevice = [], readIopsDevice = [], writeIopsDevice = []] = throttles;
  return {
    ...(weightDevice.length === 0 ? {} : { weightDevice }),
    ...(readBpsDevice.length === 0 ? {} : { throttleReadBpsDevice: readBpsDevice }),
    ...(writeBpsDevice.length === 0 ? {} : { throttleWriteBpsDevice: writeBpsDevice }),
    ...(readIopsDevice.length === 0 ? {} : { throttleReadIOPSDevice: readIopsDevice }),
    ...(writeIopsDevice.length === 0 ? {} : { throttleWriteIOPSDevice: writeIopsDevice }),
  };
}

const throttlesOf = (devices: readonly DeviceRate[]): Promise<ThrottleDevice[]> =>
  Promise.all(devices.map(async ({ path, rate }) => ({ ...(await numbersOf(path)), rate })));

async function numbersOf(path: string): Promise<{ readonly major: number; readonly minor: number }> {
  try {
    const { rdev } = await stat(path);
    return { major: majorOf(rdev), minor: minorOf(rdev) };
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    const reason = code === 'ENOENT' ? 'no such file or directory' : code;
    throw invalidArgument(`stat ${path}: ${reason}`, { cause: error });
  }
}
