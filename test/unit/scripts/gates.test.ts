import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { exec } from '../../lib/process.ts';

/** The gates of style.md are themselves under test: each is shown code that it has to refuse. */
const repository = fileURLToPath(new URL('../../..', import.meta.url));
const FLOORS = ['common', 'native', 'image', 'runtime', 'shim', 'daemon', 'cli', 'scripts', 'test'];

const lints: readonly (readonly [file: string, code: string, complaint: RegExp])[] = [
  [
    'daemon/a.ts',
    "import { spawn } from 'node:child_process';\nexport const f = spawn;\n",
    /starts no programs/,
  ],
  ['runtime/a.ts', "import koffi from 'koffi';\nexport const f = koffi;\n", /Only native\/ffi imports koffi/],
  [
    'daemon/b.ts',
    "import { readFileSync } from 'node:fs';\nexport const f = readFileSync;\n",
    /one event loop/,
  ],
  ['image/b.ts', "import fs from 'node:fs';\nexport const f = () => fs.statSync('/');\n", /sync method/i],
  ['cli/a.ts', 'export const f = (): void => process.exit(1);\n', /no-process-exit/],
  ['common/a.ts', 'export function f(): void {\n  Promise.resolve(1);\n}\n', /no-floating-promises/],
  [
    'common/b.ts',
    "export function f(x: 'a' | 'b'): void {\n  switch (x) {\n    case 'a':\n      console.log(x);\n  }\n}\n",
    /switch-exhaustiveness-check/,
  ],
  ['common/c.ts', "export * from './a.ts';\n", /no-barrel-file/],
];

const imports: readonly (readonly [file: string, target: string, rule: string])[] = [
  ['common/x.ts', 'native/t.ts', 'common-imports-down-only'],
  ['native/x.ts', 'runtime/t.ts', 'native-imports-down-only'],
  ['image/x.ts', 'runtime/t.ts', 'image-imports-down-only'],
  ['runtime/x.ts', 'shim/t.ts', 'runtime-imports-down-only'],
  ['shim/x.ts', 'daemon/core/t.ts', 'shim-imports-down-only'],
  ['daemon/store/x.ts', 'daemon/core/t.ts', 'daemon-store-imports-down-only'],
  ['daemon/core/x.ts', 'daemon/api/t.ts', 'daemon-core-imports-down-only'],
  ['cli/x.ts', 'daemon/core/t.ts', 'cli-knows-wire-types-only'],
  ['daemon/core/y.ts', 'test/t.ts', 'product-knows-no-tests'],
];

describe('gates', () => {
  let house = '';
  let linted: readonly { readonly filename: string }[] = [];
  let cruised = '';
  before(async () => {
    house = await mkdtemp(join(tmpdir(), 'gates-'));
    const configs = ['.oxlintrc.json', '.dependency-cruiser.cjs', 'tsconfig.json', 'package.json'];
    await Promise.all(configs.map((file) => cp(join(repository, file), join(house, file))));
    await Promise.all(FLOORS.map((floor) => mkdir(join(house, floor))));
    await symlink(join(repository, 'node_modules'), join(house, 'node_modules'));
    for (const [file, code] of lints) await put(file, code);
    for (const [file, target] of imports) {
      const up = '../'.repeat(file.split('/').length - 1);
      await put(target, 'export interface T {\n  readonly a: 1;\n}\n');
      await put(file, `import type { T } from '${up}${target}';\n\nexport type U = T;\n`);
    }
    linted = (
      JSON.parse(await refused('oxlint', '--type-aware', '--format', 'json')) as {
        diagnostics: typeof linted;
      }
    ).diagnostics;
    cruised = await refused('depcruise', '--config', '.dependency-cruiser.cjs', ...FLOORS);
  });
  after(() => rm(house, { recursive: true }));

  async function put(file: string, text: string): Promise<void> {
    await mkdir(dirname(join(house, file)), { recursive: true });
    await writeFile(join(house, file), text);
  }

  async function refused(program: string, ...args: string[]): Promise<string> {
    const result = await exec([join(repository, 'node_modules/.bin', program), ...args], { cwd: house });
    assert.notEqual(result.code, 0);
    return result.stdout;
  }

  for (const [file, , complaint] of lints) {
    test(`the linter refuses ${file}: ${complaint.source}`, () => {
      const complaints = linted.filter(({ filename }) => filename === file);
      assert.match(JSON.stringify(complaints), complaint);
    });
  }

  for (const [file, target, rule] of imports) {
    test(`the boundaries refuse ${file} -> ${target}, types too`, () => {
      assert.match(cruised, new RegExp(`${rule}: ${file}`));
    });
  }
});
