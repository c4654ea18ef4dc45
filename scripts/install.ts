import {
  chmodSync,
  copyFileSync,
  existsSync,
  globSync,
  mkdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { arch } from 'node:process';
import { parseArgs } from 'node:util';
import { completionScripts } from '../cli/completion/scripts.ts';
import { launchers } from './build/launchers.ts';
import { units } from './build/units.ts';
import { at, broughtNode, packageDirectory } from './lib/paths.ts';

/**
 * Installs below PREFIX: lib/wherry holds Node, the bundles, the C and koffi's binary; bin holds the launchers. A list of
 * what was written stands among it, and uninstall removes what is on the list and nothing else.
 */
const { values } = parseArgs({
  options: {
    prefix: { type: 'string', default: '/usr/local' },
    destdir: { type: 'string', default: '' },
    remove: { type: 'boolean', default: false },
  },
});
/** Where each shell looks for completions of programs, below share. */
const COMPLETIONS = {
  bash: 'bash-completion/completions/wherry',
  zsh: 'zsh/site-functions/_wherry',
  fish: 'fish/vendor_completions.d/wherry.fish',
} as const;
const lib = join(values.prefix, 'lib/wherry');
const list = `${lib}/installed-files`;
const staged = (path: string): string => join(values.destdir, path);

if (values.remove) uninstall();
else install();

function install(): void {
  const files = [...programs(), ...koffi()];
  for (const [source, target] of files) {
    mkdirSync(dirname(staged(target)), { recursive: true });
    // A running program can't be written over, but its name can be given to another file.
    rmSync(staged(target), { force: true });
    copyFileSync(source, staged(target));
    chmodSync(staged(target), statSync(source).mode & 0o111 ? 0o755 : 0o644);
  }
  const made = Object.entries(launchers).map(([name, text]) =>
    write(join(values.prefix, 'bin', name), text({ node: `${lib}/node`, lib }), 0o755),
  );
  const services = Object.entries(units).map(([name, text]) =>
    write(join(values.prefix, 'lib/systemd/system', name), text(values.prefix), 0o644),
  );
  const completions = Object.entries(COMPLETIONS).map(([shell, path]) =>
    write(join(values.prefix, 'share', path), completionScripts[shell as keyof typeof COMPLETIONS], 0o644),
  );
  writeFileSync(
    staged(list),
    [...files.map(([, target]) => target), ...made, ...services, ...completions, list, ''].join('\n'),
  );
  console.log(`installed ${made.join(', ')} and ${lib}`);
}

function write(target: string, text: string, mode: number): string {
  mkdirSync(dirname(staged(target)), { recursive: true });
  writeFileSync(staged(target), text, { mode });
  return target;
}

/** Source and target of each file, the target without DESTDIR. */
function programs(): [string, string][] {
  const built = globSync('*.{js,cjs,cache}', { cwd: at('build/lib') });
  return [
    [broughtNode(), `${lib}/node`],
    ...built.map((file): [string, string] => [at('build/lib', file), join(lib, file)]),
    ...['container-init', 'libwherry.so', 'wherry-init', 'wherry-shim'].map((file): [string, string] => [
      at('build/native', file),
      join(lib, 'native', file),
    ]),
    [at('LICENSE'), `${lib}/LICENSE`],
  ];
}

/** koffi is loaded by name, since its binary can't be bundled. */
function koffi(): [string, string][] {
  return ['koffi', `@koromix/koffi-linux-${arch}`].flatMap((name) => {
    const root = packageDirectory(name);
    const files = globSync(
      ['package.json', 'LICENSE*', '*.{cjs,js}', 'src/**/*.{cjs,js}', `linux_${arch}/*.node`],
      { cwd: root },
    );
    return files.map((file): [string, string] => [join(root, file), join(lib, 'node_modules', name, file)]);
  });
}

function uninstall(): void {
  if (!existsSync(staged(list))) {
    console.log(`nothing is installed in ${staged(lib)}`);
    return;
  }
  const files = readFileSync(staged(list), 'utf8')
    .split('\n')
    .filter((path) => path !== '');
  for (const file of files) rmSync(staged(file), { force: true });
  const directories = new Set(files.flatMap((file) => parents(file)));
  for (const directory of [...directories].toSorted((a, b) => b.length - a.length)) {
    rmdirSync(staged(directory));
  }
  console.log(`removed ${lib} and its programs`);
}

/** The directories of ours that a file stands in. */
function parents(file: string): string[] {
  const parent = dirname(file);
  return parent === lib ? [lib] : parent.startsWith(`${lib}/`) ? [parent, ...parents(parent)] : [];
}
