import { malformed } from '../../../image/namespaces/errors.ts';
import type { TaskMount } from '../../../runtime/foreign/task.ts';
import type { RootMount } from './contract.ts';

const MS: Readonly<Record<string, number>> = {
  ro: 1,
  nosuid: 2,
  nodev: 4,
  noexec: 8,
  sync: 16,
  noatime: 1024,
  nodiratime: 2048,
  relatime: 1 << 21,
};

/** What an overlay of a plan knows; index is off in it. */
const OVERLAY_OPTION = /^((lowerdir|upperdir|workdir)=|index=off$|rw$)/;

/** A mount of a container's root as steps of a plan have it. Throws `invalid-argument`. */
export function taskMount({ type, source, options }: RootMount): TaskMount {
  if (type === 'overlay' && options.every((option) => OVERLAY_OPTION.test(option))) return overlay(options);
  if (type === 'bind' || options.includes('bind') || options.includes('rbind'))
    return { kind: 'bind', source, readonly: options.includes('ro') };
  const isFlag = (option: string): boolean => option === 'rw' || Object.hasOwn(MS, option);
  const flags = options.reduce((bits, option) => bits | (MS[option] ?? 0), 0);
  return {
    kind: 'file-system',
    ...{ type, source, flags },
    data: options.filter((option) => !isFlag(option)).join(','),
  };
}

function overlay(options: readonly string[]): TaskMount {
  const value = (key: string): string | undefined =>
    options.find((option) => option.startsWith(`${key}=`))?.slice(key.length + 1);
  const [lower, upper, work] = ['lowerdir', 'upperdir', 'workdir'].map(value);
  if (lower === undefined) throw malformed('an overlay without lowerdir');
  return {
    kind: 'overlay',
    lower: splitPaths(lower),
    ...(upper === undefined ? {} : { upper: unescape(upper) }),
    ...(work === undefined ? {} : { work: unescape(work) }),
  };
}

/** Colons divide paths; behind a backslash anything is itself. */
const splitPaths = (text: string): string[] => (text.match(/(?:\\.|[^:\\])+/gs) ?? []).map(unescape);
const unescape = (text: string): string => text.replaceAll(/\\(.)/gs, '$1');
