import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { find, type Command, type Entry, type Group } from '../../cli/wctr/command.ts';
import { root } from '../../cli/wctr/commands.ts';
import { globalFlags } from '../../cli/wctr/global-flags.ts';
import type { Flags } from '../../common/flags/flag.ts';
import { built } from '../lib/clients.ts';
import { exec } from '../lib/process.ts';
import { requires } from '../lib/requires.ts';

/** Commands of ctr's that wctr knows by name and refuses, with their flags. */
const REFUSED = ['install', 'shim delete', 'shim exec', 'shim start'];

/** Flags of ctr's that wctr has not, each with the reason. */
const EXPLAINED: Readonly<Record<string, string>> = {
  'shim --id': "wctr's shim commands take the container's id as argument",
};

/** Words of a command, and what its help page lists. */
interface Page {
  readonly path: readonly string[];
  readonly flags: readonly string[];
  readonly commands: readonly (readonly string[])[];
}

describe("ctr's commands and flags", requires('ctr'), () => {
  const pages: Page[] = [];

  before(async () => {
    const read = async (path: readonly string[]): Promise<void> => {
      const { stdout } = await exec(['ctr', ...path, '--help']);
      const page = { path, flags: flagsIn(stdout), commands: commandsIn(stdout) };
      pages.push(page);
      for (const [name = ''] of page.commands) await read([...path, name]);
    };
    await read([]);
  });

  test('are all known to wctr, by all their names', () => {
    assert.ok(pages.length > 80, 'the pages of help are read');
    const missing = pages.flatMap(({ path, commands }) =>
      commands.flat().filter((name) => entryAt([...path, name]) === undefined),
    );
    assert.deepEqual(missing, []);
  });

  test('are all taken by wctr, or explained', async () => {
    const missing: string[] = [];
    for (const { path, flags } of pages) {
      if (REFUSED.includes(path.join(' '))) continue;
      const known = await namesAt(path);
      missing.push(...flags.filter((flag) => !known.has(flag)).map((flag) => [...path, flag].join(' ')));
    }
    assert.deepEqual(missing.toSorted(), Object.keys(EXPLAINED).toSorted());
  });

  for (const name of [...REFUSED, 'run --gpus 0', 'run --apparmor-default-profile x'])
    test(`${name}: refused with the reason`, async () => {
      const { code, stderr } = await exec([built('wctr'), ...name.split(' ')]);
      assert.equal(code, 1);
      assert.match(stderr, /^wctr: .*(not supported: |wctr (calls|sets|loads) no )/);
    });
});

function entryAt(path: readonly string[]): Entry | Group | undefined {
  let entry: Entry | Group = root;
  for (const word of path) {
    const found: ReturnType<typeof find> = 'commands' in entry ? find(entry.commands, word) : undefined;
    if (found === undefined) return undefined;
    ({ entry } = found);
  }
  return entry;
}

/** Names of the flags that may stand behind a command's words, those of its groups as well. */
async function namesAt(path: readonly string[]): Promise<ReadonlySet<string>> {
  const names = new Set(['--help', '-h', ...(path.length === 0 ? namesOf(globalFlags) : [])]);
  for (let length = 0; length <= path.length; length += 1) {
    const entry = entryAt(path.slice(0, length));
    const command: Pick<Command, 'flags'> | undefined =
      entry !== undefined && 'load' in entry ? await entry.load() : undefined;
    const own = command?.flags ?? (entry as Group | undefined)?.flags ?? {};
    for (const name of namesOf(own)) names.add(name);
  }
  return names;
}

const namesOf = (flags: Flags): string[] =>
  Object.entries(flags).flatMap(([name, { short, also = [] }]) => [
    ...[name, ...also].map((each) => `--${each}`),
    ...(short === undefined ? [] : [`-${short}`]),
  ]);

/** Lines of a section: `   --quiet, -q  print only ...`. */
const section = (page: string, heading: RegExp): string[] =>
  page
    .split(/^(?=[A-Z][A-Z ]+:$)/m)
    .filter((part) => heading.test(part))
    .flatMap((part) => part.split('\n').slice(1));

/** `-b` may be a flag's only name. */
const flagsIn = (page: string): string[] =>
  section(page, /^(GLOBAL )?OPTIONS:/).flatMap((line) =>
    [...(/^ {3}(-.*?)(?: {2,}|$)/.exec(line)?.[1] ?? '').matchAll(/(?:^|, )(-[\w-]+)/g)].map(
      ([, name = '']) => name,
    ),
  );

const commandsIn = (page: string): string[][] =>
  section(page, /^COMMANDS:/)
    .map((line) => /^ {3}([a-z][a-z0-9, -]*?)(?: {2,}|$)/.exec(line)?.[1]?.split(', ') ?? [])
    .filter(([name = 'help']) => name !== 'help');
