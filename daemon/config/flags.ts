import { parseArgs, type ParseArgsOptionsConfig } from 'node:util';
import { invalidArgument, messageOf } from '../../common/errors.ts';
import { flagOf, OPTIONS, OUR_OPTIONS, type Option, type Value } from './options.ts';

/** What the command line asks for. */
export interface CommandLine {
  readonly verb: 'serve' | 'check' | 'help' | 'version' | 'validate';
  readonly configFile: string | undefined;
  /** By key. */
  readonly values: ReadonlyMap<string, Value>;
}

/** Parses wherryd's arguments: docker's flags, `--flag=false` for booleans too. Throws `invalid-argument`. */
export function parseFlags(args: readonly string[]): CommandLine {
  const { values, positionals } = parse(args);
  const [verb, ...rest] = positionals;
  if (rest.length > 0 || (verb !== undefined && verb !== 'check')) {
    throw invalidArgument(
      `"wherryd" knows no command "${positionals.join(' ')}": it is started without one, or with "check"`,
    );
  }
  const own = (name: string) => values[name] !== undefined;
  return {
    verb: own('help')
      ? 'help'
      : own('version')
        ? 'version'
        : own('validate')
          ? 'validate'
          : (verb ?? 'serve'),
    configFile: values['config-file']?.at(-1),
    values: new Map(
      OPTIONS.flatMap((option) => {
        const given = values[flagOf(option)];
        return given === undefined ? [] : [[option.key, convert(option, given)] as const];
      }),
    ),
  };
}

type Parsed = { values: Record<string, string[] | undefined>; positionals: string[] };

function parse(args: readonly string[]): Parsed {
  const booleans = new Set(OPTIONS.filter(({ kind }) => kind === 'boolean').map(flagOf));
  const options: ParseArgsOptionsConfig = {
    help: { type: 'boolean', multiple: true, short: 'h' },
    version: { type: 'boolean', multiple: true, short: 'v' },
    validate: { type: 'boolean', multiple: true },
    'config-file': { type: 'string', multiple: true },
  };
  for (const option of OPTIONS) {
    options[flagOf(option)] = {
      type: option.kind === 'boolean' ? 'boolean' : 'string',
      multiple: true,
      ...(option.short === undefined ? {} : { short: option.short }),
    };
  }
  const { rest, set } = takeBooleans(args, booleans);
  try {
    const { values, positionals } = parseArgs({ args: rest, options, allowPositionals: true });
    const all = Object.entries(values).map(([name, value]) => [name, (value as unknown[]).map(String)]);
    return { values: { ...Object.fromEntries(all), ...set }, positionals };
  } catch (error) {
    throw invalidArgument(messageOf(error), { cause: error });
  }
}

/** Node's parser knows no `--flag=false`. */
function takeBooleans(
  args: readonly string[],
  booleans: ReadonlySet<string>,
): { rest: string[]; set: Record<string, string[]> } {
  const rest: string[] = [];
  const set: Record<string, string[]> = {};
  for (const word of args) {
    const match = /^--([a-z0-9-]+)=(.*)$/.exec(word);
    const [, name = '', value = ''] = match ?? [];
    if (match !== null && booleans.has(name)) set[name] = [value];
    else rest.push(word);
  }
  return { rest, set };
}

const TRUE = ['1', 't', 'T', 'TRUE', 'true', 'True'];
const FALSE = ['0', 'f', 'F', 'FALSE', 'false', 'False'];

function convert(option: Option, given: readonly string[]): Value {
  const last = given.at(-1) ?? '';
  const fail = (wanted: string) =>
    invalidArgument(`invalid argument ${JSON.stringify(last)} for "--${flagOf(option)}" flag: ${wanted}`);
  switch (option.kind) {
    case 'string':
      return last;
    case 'list':
      return given;
    case 'integer':
      if (!/^-?\d+$/.test(last)) throw fail('it must be an integer');
      return Number(last);
    case 'boolean':
      if (!TRUE.includes(last) && !FALSE.includes(last)) throw fail('it must be true or false');
      return TRUE.includes(last);
    case 'map':
      return Object.fromEntries(given.map((pair) => cut(pair, fail)));
  }
}

function cut(pair: string, fail: (wanted: string) => Error): readonly [string, string] {
  const at = pair.indexOf('=');
  if (at < 1) throw fail('it must be name=value');
  return [pair.slice(0, at), pair.slice(at + 1)];
}

/** Text of `wherryd --help`. */
export function helpText(): string {
  const lines = OUR_OPTIONS.map((option) => {
    const short = option.short === undefined ? '    ' : `-${option.short}, `;
    return `  ${short}--${flagOf(option)}`.padEnd(28) + option.help;
  });
  return [
    'Usage: wherryd [OPTIONS]          serve containers until SIGTERM; containers outlive the daemon',
    '       wherryd check              print what this host offers, and what it lacks',
    '',
    ...lines,
    '      --config-file'.padEnd(28) + 'Configuration file (default /etc/wherry/daemon.json)',
    '      --validate'.padEnd(28) + 'Check the configuration and exit',
    '  -h, --help'.padEnd(28) + 'Print this',
    '  -v, --version'.padEnd(28) + 'Print the version',
    '',
    'The same keys stand in the configuration file; a flag wins over the file. Flags of dockerd that are not listed',
    'are accepted when they ask for nothing that is missing here, and refused by name otherwise.',
    '',
  ].join('\n');
}
