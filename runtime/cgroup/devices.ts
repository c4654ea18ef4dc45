import type { DeviceRule } from '../spec.ts';

/** `c 1:3 rwm`, in the kernel's words; a missing number is any. */
export function deviceRule(rule: DeviceRule): string {
  const number = (value: number | undefined): string =>
    value === undefined || value < 0 ? '*' : String(value);
  return `${rule.type ?? 'a'} ${number(rule.major)}:${number(rule.minor)} ${accessLetters(rule)}`;
}

/** Of `r`, `w` and `m` those that a rule is about; configurations may hold others, which runc passes over. */
export const accessLetters = ({ access = 'rwm' }: DeviceRule): string =>
  ['r', 'w', 'm'].filter((letter) => access.includes(letter)).join('');

const character = (major: number, minor: number): DeviceRule => ({
  allow: true,
  type: 'c',
  major,
  ...(minor < 0 ? {} : { minor }),
  access: 'rwm',
});

/**
 * What a container may use whatever its configuration says, as with runc: any node may be made (though not opened), and the
 * devices that every /dev has, with terminals and, for those who relied on it, /dev/net/tun.
 */
const ALWAYS: readonly DeviceRule[] = [
  { allow: true, type: 'c', access: 'm' },
  { allow: true, type: 'b', access: 'm' },
  character(1, 3),
  character(1, 8),
  character(1, 7),
  character(5, 0),
  character(1, 5),
  character(1, 9),
  character(136, -1),
  character(5, 2),
  character(10, 200),
];

/**
 * The rules of a configuration as runc would use them: everything is denied unless a rule allows it, and what every container
 * needs is allowed at the end.
 */
export const withDefaultDeviceRules = (rules: readonly DeviceRule[] = []): DeviceRule[] => [
  { allow: false, access: 'rwm' },
  ...rules,
  ...ALWAYS,
];
