import type { Entries, Groups, Tables } from '../command.ts';
import type { Flags } from '../../common/flags/flag.ts';
import { namesOf, type Objects } from './objects.ts';
import { type Place, placeOf } from './place.ts';
import type { Daemon } from '../http/daemon.ts';

/** Who is asked. */
interface Asking {
  readonly daemon: Daemon;
  readonly tables: Tables;
}

/** Asks the shell for names of files. */
const FILES = ':files';

/** Words in a command's usage that stand for objects of the daemon. */
const USAGES: readonly (readonly [RegExp, Objects])[] = [
  [/^(SOURCE_)?IMAGE/, 'images'],
  [/^CONTAINER/, 'containers'],
  [/^NETWORK/, 'networks'],
  [/^VOLUME/, 'volumes'],
  [/^CONTEXT/, 'contexts'],
];

/** Commands that make something new where their usage names an object. */
const MAKES_NEW = new Set(['network create', 'volume create', 'context create', 'context import']);

/** Commands for containers in one state only. */
const NEEDS_RUNNING = /^(container )?(attach|exec|kill|pause|port|stop|top|stats|unpause)$/;
const NEEDS_STOPPED = /^(container )?start$/;

/** Flags whose values are names. */
const FLAG_OBJECTS: Readonly<Record<string, Objects>> = {
  network: 'networks',
  'volumes-from': 'containers',
  link: 'containers',
  after: 'containers',
  volume: 'volumes',
  context: 'contexts',
  from: 'contexts',
};

/** Flags with few values. */
const FLAG_WORDS: Readonly<Record<string, readonly string[]>> = {
  pull: ['always', 'missing', 'never'],
  restart: ['no', 'always', 'on-failure', 'unless-stopped'],
  'log-level': ['debug', 'info', 'warn', 'error', 'fatal'],
  'log-driver': ['json-file', 'local', 'none', 'syslog', 'journald'],
  attach: ['stdin', 'stdout', 'stderr'],
  format: ['json', 'table'],
  type: ['container', 'image', 'network', 'volume'],
  cgroupns: ['host', 'private'],
  'on-unhealthy': ['none', 'restart', 'kill'],
};

/** Of `completion`. */
const SHELLS = ['bash', 'zsh', 'fish'];

/**
 * What may stand at the last of `words`, `name` or `name<TAB>description`, already narrowed to how it begins; `[FILES]` where the
 * shell knows better.
 */
export async function candidates(
  words: readonly string[],
  { daemon, tables }: Asking,
): Promise<readonly string[]> {
  const current = words.at(-1) ?? '';
  const place = await placeOf(words.slice(0, -1), current, tables);
  const attached = /^(--[\w-]+=)/.exec(current)?.[1] ?? '';
  const prefix = place.kind === 'value' ? attached : '';
  const found = await inPlace(place, { daemon, tables });
  if (found === undefined) return [FILES];
  return found.map((each) => prefix + each).filter((each) => each.startsWith(current));
}

async function inPlace(place: Place, { daemon, tables }: Asking): Promise<readonly string[] | undefined> {
  switch (place.kind) {
    case 'nothing':
      return [];
    case 'flag':
      return flagNames(place.flags);
    case 'command':
      return commandNames(place.entries, place.isRoot ? tables.groups : {});
    case 'value':
      return valuesOf(place.flag, daemon);
    case 'argument':
      return argumentsOf(place, daemon);
  }
}

const flagNames = (flags: Flags): string[] => [
  ...Object.entries(flags)
    .filter(([, { hidden }]) => hidden !== true)
    .map(([name, { help }]) => `--${name}\t${help}`),
  '--help\tPrint how it is used',
];

function commandNames(entries: Entries, groups: Groups): string[] {
  const shown = Object.entries(entries).filter(([, { hidden }]) => hidden !== true);
  return [...shown, ...Object.entries(groups)].map(([name, { summary }]) => `${name}\t${summary}`).toSorted();
}

async function valuesOf(flag: string, daemon: Daemon): Promise<readonly string[] | undefined> {
  const words = FLAG_WORDS[flag];
  if (words !== undefined) return words;
  const kind = FLAG_OBJECTS[flag];
  if (kind === undefined) return undefined;
  const names = await namesOf(daemon, kind);
  return flag === 'network' ? [...new Set([...names, 'bridge', 'host', 'none'])] : names;
}

async function argumentsOf(
  { command, usage, index }: Extract<Place, { readonly kind: 'argument' }>,
  daemon: Daemon,
): Promise<readonly string[] | undefined> {
  if (command === 'completion') return SHELLS;
  if (MAKES_NEW.has(command)) return command === 'context import' && index === 1 ? undefined : [];
  const kind = kindAt(usage, index);
  if (kind === undefined) {
    if (/NAME\|ID/.test(usage))
      return (
        await Promise.all(
          ['containers', 'images', 'networks', 'volumes'].map((each) => namesOf(daemon, each as Objects)),
        )
      ).flat();
    return undefined;
  }
  if (kind !== 'containers') return namesOf(daemon, kind);
  return namesOf(
    daemon,
    NEEDS_RUNNING.test(command) ? 'running' : NEEDS_STOPPED.test(command) ? 'stopped' : kind,
  );
}

/** What the usage wants at an argument: `NETWORK CONTAINER`, or the same on and on: `CONTAINER [CONTAINER...]`. */
function kindAt(usage: string, index: number): Objects | undefined {
  const tokens = usage
    .split(' ')
    .filter((token) => token !== '[OPTIONS]')
    .map((token) => token.replaceAll(/[[\]]/g, ''));
  const repeats = tokens.at(-1)?.endsWith('...') === true;
  const token = tokens[index] ?? (repeats ? tokens.at(-1) : undefined) ?? '';
  return USAGES.find(([pattern]) => pattern.test(token))?.[1];
}
