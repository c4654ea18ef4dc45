import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { bool, int, list, refused, text } from '../../../common/flags/flag.ts';
import { renderFlags } from '../../../common/flags/help.ts';
import { parseFlags } from '../../../common/flags/parse.ts';

const flags = {
  env: list('Set variables', { short: 'e' }),
  init: refused(''),
  interactive: bool('Keep stdin', { short: 'i' }),
  name: text('Name'),
  network: list('Network', { also: ['net'] }),
  rm: bool('Remove'),
  timeout: int('Seconds to wait', { short: 't' }),
};

const read = (words: string, stops = true) => parseFlags(flags, words.split(' '), stops);

suite('what pflag accepts', () => {
  const table: readonly [string, Record<string, unknown>, readonly string[]][] = [
    ['-i busybox', { interactive: true }, ['busybox']],
    ['-ie A=1 x', { interactive: true, env: ['A=1'] }, ['x']],
    ['-eA=1 -e=B=2 --env C=3 --env=D=4 x', { env: ['A=1', 'B=2', 'C=3', 'D=4'] }, ['x']],
    ['--rm=false --name= x', { rm: false, name: '' }, ['x']],
    ['--name -x y', { name: '-x' }, ['y']],
    ['-it5 x', { interactive: true, timeout: 5 }, ['x']],
    ['-t -1 x', { timeout: -1 }, ['x']],
    ['--net=host x', { network: ['host'] }, ['x']],
    ['-i=false x', { interactive: false }, ['x']],
    ['--init=false x', {}, ['x']],
    ['x sh -c --foo', {}, ['x', 'sh', '-c', '--foo']],
    ['-- -x --foo', {}, ['-x', '--foo']],
    ['- x', {}, ['-', 'x']],
  ];
  for (const [words, values, args] of table) {
    test(words, () => {
      const parsed = read(words);
      for (const [name, value] of Object.entries(values)) {
        assert.deepEqual(parsed.values[name as keyof typeof parsed.values], value);
        assert.ok(parsed.changed.has(name));
      }
      assert.deepEqual(parsed.args, args);
    });
  }

  test('flags behind arguments, where the command allows it', () => {
    const parsed = read('a -i b --name c', false);
    assert.deepEqual(parsed.args, ['a', 'b']);
    assert.equal(parsed.values.name, 'c');
  });

  test('what was not given keeps its default and is not changed', () => {
    const parsed = read('x');
    assert.equal(parsed.values.timeout, undefined);
    assert.equal(parsed.changed.size, 0);
  });

  test('help wins over what follows', () => {
    assert.equal(read('--help --nope').help, true);
    assert.equal(read('-h').help, true);
    assert.equal(read('x --help').help, false);
  });
});

suite('what pflag refuses, in its words', () => {
  const table: readonly [string, string][] = [
    ['--foo', 'unknown flag: --foo'],
    ['-zz', "unknown shorthand flag: 'z' in -zz"],
    ['--name', 'flag needs an argument: --name'],
    ['-ie', "flag needs an argument: 'e' in -ie"],
    ['--=x', 'bad flag syntax: --=x'],
    [
      '-t abc',
      'invalid argument "abc" for "-t, --timeout" flag: strconv.ParseInt: parsing "abc": invalid syntax',
    ],
    [
      '--rm=maybe',
      'invalid argument "maybe" for "--rm" flag: strconv.ParseBool: parsing "maybe": invalid syntax',
    ],
    ['--init', 'invalid argument "true" for "--init" flag: wherry does not support this flag yet'],
    ['--toString', 'unknown flag: --toString'],
  ];
  for (const [words, message] of table) {
    test(words, () => assert.throws(() => read(words), { code: 'invalid-argument', message }));
  }
});

test("help has docker's columns, wraps, and hides what is refused", () => {
  const help = renderFlags(
    {
      ...flags,
      format: text('A long text that does not fit into one line of eighty columns at all', { shown: '"x"' }),
    },
    79,
  );
  assert.equal(
    help,
    [
      '  -e, --env list        Set variables',
      '      --format string   A long text that does not fit into one line of',
      '                        eighty columns at all (default "x")',
      '  -i, --interactive     Keep stdin',
      '      --name string     Name',
      '      --network list    Network',
      '      --rm              Remove',
      '  -t, --timeout int     Seconds to wait',
    ].join('\n'),
  );
});
