import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { commands, groups } from '../../cli/commands.ts';
import type { Entry } from '../../cli/command.ts';
import { globalFlags } from '../../cli/global-flags.ts';
import { REASONS } from '../../cli/refuse-command.ts';
import type { Flags } from '../../common/flags/flag.ts';
import { exec } from '../lib/process.ts';
import { findProgram, requires } from '../lib/requires.ts';

/** Docker's defaults that ours say in other words, or that depend on the user. */
const DIFFERENT_DEFAULTS: readonly RegExp[] = [/^ --(config|host|tlscacert|tlscert|tlskey)$/, / --all$/];

/** Docker's flags that are refused when they are given, each with the reason. */
const REFUSED: readonly (readonly [label: RegExp, reason: string])[] = [
  [/^(container )?start --checkpoint(-dir)?$/, 'containers of the daemon have no checkpoints'],
  [/^volume ls --cluster$/, 'only a swarm has cluster volumes'],
  [
    /^volume create --(availability|group|limit-bytes|required-bytes|scope|secret|sharing|topology-\w+|type)$/,
    'only a swarm has cluster volumes',
  ],
];

/** Of a plugin that is no part of docker's client, and what only concerns it. */
const NOT_DOCKERS = new Set(['buildx', 'compose', 'help']);

interface Shown {
  readonly short: string | undefined;
  readonly type: string;
  readonly initial: string | undefined;
}

const docker = findProgram('docker') ?? 'docker';
const helpOf = async (path: readonly string[]): Promise<string> =>
  (await exec([docker, ...path, '--help'], { env: { ...process.env, DOCKER_CONFIG: '/nonexistent' } }))
    .stdout;

/** The commands that a help page lists. */
function listed(help: string): string[] {
  const sections = help
    .split(/\n\n/)
    .filter((section) => /^[A-Z][\w ]*Commands:\n|^Commands:\n/.test(section));
  return sections
    .flatMap((section) => [...section.matchAll(/^ {2}([a-z][\w-]*)\*? /gm)].map(([, name = '']) => name))
    .filter((name) => !NOT_DOCKERS.has(name));
}

/** The flags of a help page, its lines joined again. */
function flagsIn(help: string): Map<string, Shown> {
  const options = /(?:Options):\n([\s\S]*?)(?:\n\n|$)/.exec(help)?.[1] ?? '';
  const lines = options.replaceAll(/\n {12,}/g, ' ').split('\n');
  return new Map(
    lines.flatMap((line): [string, Shown][] => {
      const [, short, name, type = ''] =
        /^ {2,}(?:-(\w), )?(?: {4})?--([\w-]+)(?: (\S+))?(?: {2,}|$)/.exec(line) ?? [];
      if (name === undefined || name === 'help') return [];
      return [[name, { short, type, initial: /\(default (.*)\)$/.exec(line)?.[1] }]];
    }),
  );
}

/** A flag that only `refused` makes has nothing to say of itself. */
const isRefused = ({ hidden, help }: Flags[string]): boolean => hidden === true && help === '';

/** What docker has and ours lacks, has otherwise, or refuses without a reason. */
function missing(path: readonly string[], theirs: Map<string, Shown>, ours: Flags): string[] {
  return [...theirs].flatMap(([name, shown]) => {
    const label = `${path.join(' ')} --${name}`;
    const flag = ours[name];
    if (flag === undefined) return [`${label} is missing`];
    if (isRefused(flag) && !REFUSED.some(([each]) => each.test(label)))
      return [`${label} is refused without a reason`];
    const wrong = [
      flag.short === shown.short ? '' : `short ${flag.short} instead of ${shown.short}`,
      flag.type === shown.type ? '' : `type ${flag.type} instead of ${shown.type}`,
      flag.hidden === true ||
      flag.shown === shown.initial ||
      DIFFERENT_DEFAULTS.some((each) => each.test(label))
        ? ''
        : `default ${flag.shown} instead of ${shown.initial}`,
    ];
    return wrong.filter((each) => each !== '').map((each) => `${label}: ${each}`);
  });
}

async function compare(path: readonly string[], entry: Entry | undefined): Promise<string[]> {
  if (entry === undefined) {
    const refused = [path[0] ?? '', path.join(' ')].some((name) => Object.hasOwn(REASONS, name));
    return refused ? [] : [`${path.join(' ')} is missing`];
  }
  const [help, command] = await Promise.all([helpOf(path), entry.load()]);
  return missing(path, flagsIn(help), command.flags);
}

describe("every command and flag of docker's", requires('docker-client'), () => {
  test('is there, or refused by name', async () => {
    const root = await helpOf([]);
    const wrong: string[] = missing([], flagsIn(root), globalFlags);
    const names = listed(root);
    assert.ok(names.length > 50, 'the help of docker can be read');
    for (const name of names) {
      if (Object.hasOwn(commands, name) || Object.hasOwn(REASONS, name)) {
        wrong.push(...(await compare([name], commands[name])));
        continue;
      }
      const inside = listed(await helpOf([name]));
      assert.ok(inside.length > 0, name);
      for (const each of inside) wrong.push(...(await compare([name, each], groups[name]?.commands[each])));
    }
    assert.deepEqual(wrong, []);
  });

  test('and so are the other names of commands', async () => {
    for (const [group, { commands: entries }] of Object.entries(groups)) {
      for (const [name, entry] of Object.entries(entries)) {
        const help = await helpOf([group, name]);
        const aliases = /Aliases:\n {2}(.*)/.exec(help)?.[1]?.split(', ') ?? [];
        const paths = aliases.map((each) => each.replace(/^docker /, '').split(' '));
        for (const [first = '', second] of paths.filter(([first]) => first !== 'builder')) {
          const ours = second === undefined ? commands[first] : groups[first]?.commands[second];
          const alias = [first, second];
          assert.equal(
            ours?.load === undefined,
            false,
            `${alias.join(' ')} is missing beside ${entry.summary}`,
          );
        }
      }
    }
  });
});
