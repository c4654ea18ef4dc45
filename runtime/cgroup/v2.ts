import { invalidArgument } from '../../common/errors.ts';
import type { Resources, ThrottleDevice } from '../spec.ts';
import type { Write } from './contract.ts';
import { checkShares, OPTIONAL, tentative, unlessZero, write, type Writer } from './v1.ts';

/**
 * Limits as files of version 2 controllers (Documentation/admin-guide/cgroup-v2.rst). The specification speaks version 1; the
 * conversions of weights and of swap are those of runc and crun, so that a container has the same share under each runtime.
 */

const maxOr = (value: number | undefined): string | undefined =>
  value === undefined ? undefined : value === -1 ? 'max' : String(value);

/** Swap first: what is taken from memory may have to go there. */
export const memoryV2: Writer = ({ memory: limits }) => {
  if (limits === undefined) return [];
  const swap = swapOf(limits);
  // No swap accounting is as good as no swap at all.
  const lenient = swap === 'max' || swap === '0' ? OPTIONAL : {};
  return [
    ...write('memory.swap.max', swap, lenient),
    ...write('memory.max', maxOr(unlessZero(limits.limit))),
    ...write('memory.low', maxOr(unlessZero(limits.reservation))),
  ];
};

/** What version 1 limits is memory and swap together. */
function swapOf({ limit = 0, swap = 0 }: NonNullable<Resources['memory']>): string | undefined {
  if (swap === 0) return limit === -1 ? 'max' : undefined;
  if (swap === -1) return 'max';
  if (limit === -1) return String(swap);
  if (limit === 0) throw invalidArgument('unable to set swap limit without memory limit');
  if (limit < 0) throw invalidArgument(`invalid memory value: ${limit}`);
  if (swap < limit) throw invalidArgument('memory+swap limit should be >= memory limit');
  return String(swap - limit);
}

/** The smallest, the default and the largest number of shares become those of weights. */
export function weightOfShares(shares: number): number {
  if (shares <= 2) return 1;
  if (shares >= 262_144) return 10_000;
  const log = Math.log2(shares);
  return Math.ceil(10 ** ((log * log + 125 * log) / 612 - 7 / 34));
}

const DEFAULT_PERIOD_US = 100_000;

export const cpuV2: Writer = ({ cpu: limits }, fresh) => {
  if (limits === undefined) return [];
  const shares = unlessZero(limits.shares);
  const quota = unlessZero(limits.quota);
  const period = unlessZero(limits.period);
  const burst = write('cpu.max.burst', limits.burst);
  const max =
    quota === undefined && period === undefined
      ? []
      : write(
          'cpu.max',
          `${quota === undefined || quota < 0 ? 'max' : quota} ${period ?? DEFAULT_PERIOD_US}`,
        );
  return [
    ...write('cpu.idle', limits.idle),
    // An idle group takes no weight.
    ...(limits.idle === 1
      ? []
      : write('cpu.weight', shares === undefined ? undefined : weightOfShares(checkShares(shares) ?? 0))),
    ...(max.length > 0 && !fresh ? tentative(burst) : []),
    ...max,
    ...burst,
  ];
};

/** Linear from 10-1000 to 1-10000. */
const ioWeight = (weight: number): number => 1 + Math.floor(((weight - 10) * 9999) / 990);

export const ioV2: Writer = ({ blockIO: limits }) => {
  if (limits === undefined) return [];
  const weight = unlessZero(limits.weight);
  return [
    ...(weight === undefined
      ? []
      : [
          {
            file: 'io.bfq.weight',
            text: String(weight),
            otherwise: { file: 'io.weight', text: String(ioWeight(weight)) },
          },
        ]),
    ...(limits.weightDevice ?? []).flatMap(({ major, minor, weight: value }) =>
      // Kernels before 5.4 have one weight for all devices.
      write('io.bfq.weight', unlessZero(value) === undefined ? undefined : `${major}:${minor} ${value}`, {
        ...OPTIONAL,
        ignoreWrite: ['EINVAL'],
      }),
    ),
    ...maxima('rbps', limits.throttleReadBpsDevice),
    ...maxima('wbps', limits.throttleWriteBpsDevice),
    ...maxima('riops', limits.throttleReadIOPSDevice),
    ...maxima('wiops', limits.throttleWriteIOPSDevice),
  ];
};

const maxima = (key: string, devices: readonly ThrottleDevice[] | undefined): Write[] =>
  (devices ?? []).flatMap(({ major, minor, rate }) => write('io.max', `${major}:${minor} ${key}=${rate}`));

/**
 * `unified`: any file of the container's directory, a write for each line. Throws `invalid-argument` for what is no file name, and
 * for a controller that this host does not have.
 */
export function unifiedWrites(
  unified: Readonly<Record<string, string>>,
  controllers: readonly string[],
): Write[] {
  return Object.entries(unified).flatMap(([file, text]) => {
    if (file.includes('/'))
      throw invalidArgument(`unified resource "${file}" must be a file name (no slashes)`);
    const controller = file.slice(0, Math.max(file.indexOf('.'), 0));
    if (controller === '')
      throw invalidArgument(`unified resource "${file}" must be in the form CONTROLLER.PARAMETER`);
    if (controller !== 'cgroup' && !controllers.includes(controller)) {
      throw invalidArgument(
        `unified resource "${file}" can't be set: controller "${controller}" not available`,
      );
    }
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => ({ file, text: line }));
  });
}
