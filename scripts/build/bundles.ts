import { build, version, type BuildOptions, type Plugin } from 'esbuild';
import { globSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { pid } from 'node:process';
import { at } from '../lib/paths.ts';
import { isCurrent, remember } from './stamp.ts';

/** Bundled CommonJS packages look for a `require`; a module has none of its own. */
const REQUIRE =
  "import { createRequire as makeRequire } from 'node:module'; globalThis.require ??= makeRequire(import.meta.url);";

const COMMON: BuildOptions = {
  bundle: true,
  platform: 'node',
  target: 'node26',
  format: 'esm',
  sourcemap: 'linked',
  sourcesContent: false,
  minifySyntax: true,
  minifyWhitespace: true,
  keepNames: false,
  external: ['koffi'],
  banner: { js: REQUIRE },
  absWorkingDir: at(),
  metafile: true,
  logLevel: 'warning',
};

/**
 * One CommonJS file: what a command imports dynamically stays asleep in it until it is called, Node's own modules too. As
 * modules, split in chunks, the same takes 6 ms longer to load, since each file goes through the asynchronous loader.
 */
const COMMAND_LINE: BuildOptions = { format: 'cjs', outExtension: { '.js': '.cjs' }, banner: {} };

/** What most calls of `wherry` never load, as below: `wherry ps` pays for every function of its own bundle. */
const RARE_COMMANDS = [
  ...['commit', 'cp', 'diff', 'export', 'import', 'login', 'logout', 'pull', 'push', 'save', 'search'],
  ...['container-prune', 'context-create', 'context-export', 'context-import', 'context-inspect', 'context-ls', 'context-rm'],
  ...['context-show', 'context-update', 'context-use', 'port', 'why', 'doctor', 'completion', 'export-run'],
  ...['image-diff', 'image-layers', 'image-pin', 'image-prune', 'image-tree'],
  ...['annotate', 'create', 'inspect', 'push', 'rm'].map((name) => `manifest-${name}`),
  ...['system-check', 'system-compact', 'system-df', 'system-prune'],
].map((name) => `cli/commands/${name}.ts`);
const RARE_PARTS = [
  ...['cli/registry/pull.ts', 'cli/registry/platform.ts', 'cli/refuse-command.ts'],
  ...['cli/http/tls.ts', 'cli/connection/tls-files.ts', 'cli/context/endpoint-of.ts'],
  'cli/container/api-socket.ts',
];

/** What loads native/ffi asks where it lies. */
const RUNTIME: BuildOptions = {
  ...COMMAND_LINE,
  define: { 'import.meta.url': 'importMetaUrl' },
  // From a script that boot.ts started only `require` reaches another file.
  supported: { 'dynamic-import': false },
  banner: { js: "const importMetaUrl = require('node:url').pathToFileURL(__filename).href;" },
};

/**
 * What most commands of wherry-runtime never load: each a file of its own, so that V8 need not take its code out of the cache (a
 * megabyte costs 4 ms). Only dynamic imports of them are turned into a file's load.
 */
const RARE = [
  'runtime/cli/verbs/checkpoint.ts',
  'runtime/cli/verbs/restore.ts',
  'runtime/cli/verbs/events.ts',
  'runtime/cli/verbs/features.ts',
  'runtime/cli/verbs/spec.ts',
  'runtime/cgroup/systemd/hold.ts',
  'runtime/cgroup/systemd/units.ts',
];
/** The same of wctr: what reaches registries and archives, or knows how. */
const RARE_IN_WCTR = [
  ...['pull', 'push', 'import', 'export', 'mount', 'convert'].map((name) => `cli/wctr/images/${name}.ts`),
  ...['cli/wctr/content/objects.ts', 'cli/wctr/network/cni.ts', 'cli/wctr/pprof.ts'],
];
const rareName = (program: string, path: string): string =>
  `${program}-${path.replace(/^(cli\/commands|cli\/wctr|runtime)\/(.*\/)?/, '').replace(/\.ts$/, '').replaceAll('/', '-')}`;

/** Turns dynamic imports of `rare` into loads of their own files. */
const loadRarely = (program: string, rare: readonly string[]): Plugin => ({
  name: 'load-rarely',
  setup: (build) => {
    build.onResolve({ filter: /\.ts$/ }, ({ path, kind, resolveDir }) => {
      const wanted = relative(at(), join(resolveDir, path));
      if (kind !== 'dynamic-import' || !rare.includes(wanted)) return undefined;
      return { path: `./${rareName(program, wanted)}.cjs`, external: true };
    });
  },
});

const rarePoints = (program: string, rare: readonly string[]): Record<string, string> =>
  Object.fromEntries(rare.map((path) => [rareName(program, path), path]));

/** The daemon is one file, with its workers beside it under their own names; each command line is another. */
export async function buildBundles(): Promise<string[]> {
  const workers = globSync('{native,image,daemon}/**/*-worker.ts', { cwd: at() });
  const daemon = { wherryd: 'daemon/main.ts', ...Object.fromEntries(workers.map((path) => [stem(path), path])) };
  const rareInCli = [...RARE_COMMANDS, ...RARE_PARTS];
  const made = await Promise.all([
    bundle('lib', { entryPoints: daemon, outdir: at('build/lib') }),
    bundle('wherry', {
      ...COMMAND_LINE,
      supported: { 'dynamic-import': false },
      plugins: [loadRarely('wherry', rareInCli)],
      entryPoints: { wherry: 'cli/main.ts', 'wherry-boot': 'common/boot.ts', ...rarePoints('wherry', rareInCli) },
      outdir: at('build/lib'),
    }),
    bundle('wherry-runtime', {
      ...RUNTIME,
      plugins: [loadRarely('wherry-runtime', RARE)],
      entryPoints: {
        'wherry-runtime': 'runtime/cli/main.ts',
        ...rarePoints('wherry-runtime', RARE),
      },
      outdir: at('build/lib'),
    }),
    bundle('wherry-runtime-boot', {
      ...COMMAND_LINE,
      entryPoints: { 'wherry-runtime-boot': 'common/boot.ts' },
      outdir: at('build/lib'),
    }),
    bundle('wctr', {
      ...RUNTIME,
      plugins: [loadRarely('wctr', RARE_IN_WCTR)],
      entryPoints: { wctr: 'cli/wctr/main.ts', ...rarePoints('wctr', RARE_IN_WCTR) },
      outdir: at('build/lib'),
    }),
    bundle('wctr-boot', {
      ...COMMAND_LINE,
      entryPoints: { 'wctr-boot': 'common/boot.ts' },
      outdir: at('build/lib'),
    }),
  ]);
  return made.flat();
}

/** In one step: a command may be starting right now. */
function replace(path: string, contents: Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.${pid}`, contents);
  renameSync(`${path}.${pid}`, path);
}

const stem = (path: string): string => basename(path, '.ts');

async function bundle(target: string, options: BuildOptions): Promise<string[]> {
  const recipe = JSON.stringify([version, COMMON, options]);
  if (isCurrent(target, recipe)) return [];
  const { metafile, outputFiles = [] } = await build({ ...COMMON, ...options, write: false });
  for (const { path, contents } of outputFiles) replace(path, contents);
  const inputs = Object.keys(metafile?.inputs ?? {}).filter((path) => !path.startsWith('<'));
  const outputs = Object.keys(metafile?.outputs ?? {}).map((path) => at(path));
  remember(target, { recipe, inputs: inputs.map((path) => at(path)), outputs });
  return outputs.filter((path) => /\.c?js$/.test(path));
}
