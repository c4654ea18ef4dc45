import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { at, broughtNode } from '../lib/paths.ts';

/**
 * The programs of bin/: a shell that becomes the brought Node at once. The paths are written out, so that a link to a
 * launcher works from anywhere and nothing has to be resolved.
 */
export interface Layout {
  readonly node: string;
  /** Of the bundles. */
  readonly lib: string;
}

export const launchers: Readonly<Record<string, (layout: Layout) => string>> = {
  wherry: ({ node, lib }) =>
    script(
      // The command line speaks to a local socket; reading the host's extra certificates would cost it 30 ms.
      'unset NODE_EXTRA_CA_CERTS NODE_OPTIONS',
      // A young generation that a whole command fits in: no collection, 3 ms less.
      // Without the dashes Node takes `--env-file`, which is a flag of `wherry run`, for its own wherever it stands.
      `exec ${quote(node)} --min-semi-space-size=4 -- ${quote(`${lib}/wherry-boot.cjs`)} "$@"`,
    ),
  'wherry-runtime': ({ node, lib }) =>
    script(
      // Of its own environment nothing reaches a container; Node would read the host's extra certificates for 30 ms.
      'unset NODE_EXTRA_CA_CERTS NODE_OPTIONS',
      // Which descriptors are the caller's can be seen only before Node opens its own. The script itself is at one, too.
      'case "${LISTEN_FDS-} $*" in " "*--preserve-fds* | [0-9]*)',
      '\tfd=3 WHERRY_OPEN_FDS=,',
      '\twhile [ $fd -lt 1024 ]; do',
      '\t\tif [ -e /proc/$$/fd/$fd ] && ! [ /proc/$$/fd/$fd -ef "$0" ]; then WHERRY_OPEN_FDS=$WHERRY_OPEN_FDS$fd,; fi',
      '\t\tfd=$((fd + 1))',
      '\tdone',
      '\texport WHERRY_OPEN_FDS',
      'esac',
      `exec ${quote(node)} --min-semi-space-size=4 -- ${quote(`${lib}/wherry-runtime-boot.cjs`)} "$@"`,
    ),
  wctr: ({ node, lib }) =>
    script(
      'unset NODE_EXTRA_CA_CERTS NODE_OPTIONS',
      `exec ${quote(node)} --min-semi-space-size=4 -- ${quote(`${lib}/wctr-boot.cjs`)} "$@"`,
    ),
  wherryd: ({ node, lib }) =>
    script(
      'unset NODE_OPTIONS',
      // A mount that hangs keeps some of them: common/patient-fs.ts. An idle one costs nothing to speak of.
      'export UV_THREADPOOL_SIZE=8',
      // A heap for each of some twenty threads is 10 MB that nobody uses; what they allocate is few and large (man 3 mallopt).
      'export MALLOC_ARENA_MAX=1',
      // daemon/trim.ts collects once when a busy time is over.
      `exec ${quote(node)} --expose-gc --disable-warning=ExperimentalWarning ${quote(`${lib}/wherryd.js`)} "$@"`,
    ),
};

/** Writes bin/* for this checkout; returns those that changed. */
export function writeLaunchers(): string[] {
  const layout = { node: broughtNode(), lib: at('build/lib') };
  mkdirSync(at('bin'), { recursive: true });
  return Object.entries(launchers).flatMap(([name, text]) => writeIfChanged(at('bin', name), text(layout)));
}

function writeIfChanged(path: string, text: string): string[] {
  if (existsSync(path) && readFileSync(path, 'utf8') === text) return [];
  writeFileSync(path, text);
  chmodSync(path, 0o755);
  return [path];
}

const script = (...lines: string[]): string => ['#!/bin/sh', ...lines, ''].join('\n');

const quote = (path: string): string => `'${path.replaceAll("'", `'\\''`)}'`;
